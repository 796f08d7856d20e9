/** Lua part: what every call begins with, and the indexes that it writes at its end. */
export const lockBeginLua: string = /* lua */ `
local call, floor, ceil, min, max = redis.call, math.floor, math.ceil, math.min, math.max
local sub, seek, format = string.sub, string.find, string.format
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local claimUs = tonumber(ARGV[1]) * 1000
local fenceTtlMs = tonumber(ARGV[2])
local inbox = ARGV[4]

-- All records at once, which costs a third of reading each. What this misses (another type, more than 1,000 keys, no permission) is read by itself.
local isRead, raws = pcall(call, 'MGET', unpack(KEYS, 1, min(#KEYS, 1000)))
if not isRead then raws = {} end
-- Keys that were written since, and so must be read again.
local written = {}

local function rawOf(place)
  local key = KEYS[place]
  return not written[key] and raws[place] or call('GET', key)
end

-- Indexes are hashes of keys to the millisecond their leases end, exact but for what expires by itself. What changes is
-- gathered here and written at the end of the batch. (A sorted set would cost ten times as much.)
local indexes = {}

local function index(key, kind, untilUs)
  local changes = indexes[kind]
  if not changes then
    changes = {}
    indexes[kind] = changes
  end
  changes[sub(key, seek(key, '}:l:', 1, true) + 4)] = untilUs
end

-- Drops entries of leases that nobody released: a few at a time, and more while many of them turn up.
local function sweep(set, nowMs)
  for _ = 1, 20 do
    local sample, gone = call('HRANDFIELD', set, '20', 'WITHVALUES'), {}
    for i = 1, #sample, 2 do
      if (tonumber(sample[i + 1]) or nowMs) < nowMs then gone[#gone + 1] = sample[i] end
    end
    if #gone > 0 then call('HDEL', set, unpack(gone)) end
    if #gone < 5 then return end
  end
end

local function writeIndexes()
  local key, nowMs = KEYS[1], floor(now / 1000)
  -- On a standalone server one index serves all buckets; elsewhere all keys of a call are of one bucket.
  local base = ARGV[3] == '1' and sub(key, 1, seek(key, '{', 1, true)) .. '0}:' or sub(key, 1, seek(key, '}:l:', 1, true) + 1)
  for kind, changes in pairs(indexes) do
    local set, add, remove, latest = base .. kind, {}, {}, 0
    local textOf, text = 0, '0'
    for name, untilUs in pairs(changes) do
      if untilUs > 0 then
        if untilUs ~= textOf then
          local untilMs = ceil(untilUs / 1000)
          latest = max(latest, untilMs)
          textOf, text = untilUs, format('%d', untilMs)
        end
        add[#add + 1] = name
        add[#add + 1] = text
      else
        remove[#remove + 1] = name
      end
    end
    for from = 1, #remove, 1000 do call('HDEL', set, unpack(remove, from, min(from + 999, #remove))) end
    for from = 1, #add, 1000 do call('HSET', set, unpack(add, from, min(from + 999, #add))) end
    if #add > 0 then
      if now % 64 < #add / 2 then sweep(set, nowMs) end
      if call('PTTL', set) < latest - nowMs then
        call('PEXPIRE', set, latest - nowMs + 3600000)
        -- A field this long keeps Redis from packing the index of all locks into a list, which would be searched from end to end.
        if kind == 'h' then call('HSET', set, '', string.rep(' ', 65)) end
      end
    end
  end
end
`;
