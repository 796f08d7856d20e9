/** Lua part: what every call begins with, and the indexes that it writes at its end. */
export const lockBeginLua: string = /* lua */ `
local call, floor, ceil, min, max = redis.call, math.floor, math.ceil, math.min, math.max
local sub, seek = string.sub, string.find
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local claimUs = tonumber(ARGV[2]) * 1000
local fenceTtlMs = tonumber(ARGV[3])
local inbox = ARGV[5]

-- Indexes are sorted sets of keys by the millisecond their leases end, exact but for what expires by itself. What changes is
-- gathered here and written at the end of the batch.
local indexes = {}

local function index(key, kind, untilUs)
  local changes = indexes[kind]
  if not changes then
    changes = {}
    indexes[kind] = changes
  end
  changes[sub(key, seek(key, '}:l:', 1, true) + 4)] = untilUs
end

local function writeIndexes()
  local key, nowMs = KEYS[1], floor(now / 1000)
  -- On a standalone server one index serves all buckets; elsewhere all keys of a call are of one bucket.
  local base = ARGV[4] == '1' and sub(key, 1, seek(key, '{', 1, true)) .. '0}:' or sub(key, 1, seek(key, '}:l:', 1, true) + 1)
  for kind, changes in pairs(indexes) do
    local set, add, remove, latest = base .. kind, {}, {}, 0
    for name, untilUs in pairs(changes) do
      if untilUs > 0 then
        local untilMs = ceil(untilUs / 1000)
        latest = max(latest, untilMs)
        -- Redis would print a number as one with 17 digits, which takes longer.
        add[#add + 1] = string.format('%d', untilMs)
        add[#add + 1] = name
      else
        remove[#remove + 1] = name
      end
    end
    if #remove > 0 then call('ZREM', set, unpack(remove)) end
    if #add > 0 then
      call('ZADD', set, unpack(add))
      if now % 16 == 0 then call('ZREMRANGEBYSCORE', set, '-inf', nowMs) end
      if call('PTTL', set) < latest - nowMs then call('PEXPIRE', set, latest - nowMs + 3600000) end
    end
  end
end
`;
