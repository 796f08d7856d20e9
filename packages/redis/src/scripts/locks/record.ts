/**
 * Lua part: the record of a lock key. One string, `hgl1 ` and a MessagePack sequence (exact for integers below 2^53):
 * fence (last token issued), mode, permits, holders, queue, tombs. A holder is
 * `{ leaseId, ownerId, sessionId|false, first token, last token, metadata|false, acquired µs, until µs, inbox, shown token }`;
 * somebody in the queue is a request (see `run.ts`) with its deadline in µs; a tomb is `{ leaseId, reason, until µs }` of a lease that was taken away,
 * so that its holder can be told why. The record outlives its leases because of the fence.
 */
export const lockRecordLua: string = /* lua */ `
local call, floor, ceil, min, max = redis.call, math.floor, math.ceil, math.min, math.max
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local claimUs = tonumber(ARGV[2]) * 1000
local fenceTtlMs = tonumber(ARGV[3])

local function find(list, leaseId)
  for i, entry in ipairs(list) do
    if entry[1] == leaseId then return entry, i end
  end
end

-- The entries whose instant in \`field\` has not come.
local function living(list, field)
  local kept = {}
  for _, entry in ipairs(list) do
    if entry[field] > now then kept[#kept + 1] = entry end
  end
  return kept
end

local function latestOf(holders)
  local latest, sessions = 0, nil
  for _, holder in ipairs(holders) do
    latest = max(latest, holder[8])
    if holder[3] then
      sessions = sessions or {}
      sessions[holder[3]] = max(sessions[holder[3]] or 0, holder[8])
    end
  end
  return latest, sessions
end

-- The key as it stands now: what has run out is left away, but nothing is written yet.
local function load(key)
  local lock = { key = key, fence = 0, mode = 'x', permits = 1, holders = {}, queue = {}, tombs = {}, messages = {} }
  lock.base, lock.name = string.match(key, '^(.-}:)l:(.*)$')
  local raw = call('GET', key)
  if raw then
    if string.sub(raw, 1, 5) ~= 'hgl1 ' then
      error({ version = string.match(raw, '^hgl(%d+) ') or 'foreign' }, 0)
    end
    local ok, fence, mode, permits, holders, queue, tombs = pcall(cmsgpack.unpack, string.sub(raw, 6))
    if not ok then error({ version = 'foreign' }, 0) end
    lock.fence, lock.mode, lock.permits = fence, mode, permits
    lock.indexedUntil, lock.indexedSessions = latestOf(holders)
    lock.holders, lock.queue, lock.tombs = living(holders, 8), living(queue, 11), living(tombs, 3)
  end
  return lock
end

-- An index is a sorted set of keys by the millisecond their leases end; it is exact but for what expires by itself.
local function index(set, member, untilUs)
  local nowMs, untilMs = floor(now / 1000), ceil(untilUs / 1000)
  local added = call('ZADD', set, untilMs, member)
  if added == 1 and now % 16 == 0 then call('ZREMRANGEBYSCORE', set, '-inf', nowMs) end
  if call('PTTL', set) < untilMs - nowMs then call('PEXPIRE', set, untilMs - nowMs + 3600000) end
end

local function save(lock)
  local latest, sessions = latestOf(lock.holders)
  local untilUs = latest
  for _, waiter in ipairs(lock.queue) do untilUs = max(untilUs, waiter[11]) end
  local packed = cmsgpack.pack(lock.fence, lock.mode, lock.permits, lock.holders, lock.queue, lock.tombs)
  local ttlMs = max(fenceTtlMs, ceil((untilUs - now) / 1000) + 1)
  local set = redis.pcall('SET', lock.key, 'hgl1 ' .. packed, 'PX', ttlMs)
  if set.err then
    -- A release must succeed when memory is full; the clock then takes the fence's place.
    if untilUs > 0 or not string.find(set.err, 'OOM', 1, true) then error(set, 0) end
    call('DEL', lock.key)
  end
  local wasUntil, wasSessions = lock.indexedUntil or 0, lock.indexedSessions or {}
  if latest == 0 and wasUntil > 0 then
    call('ZREM', lock.base .. 'h', lock.name)
  elseif latest ~= wasUntil then
    index(lock.base .. 'h', lock.name, latest)
  end
  for session in pairs(wasSessions) do
    if not sessions or not sessions[session] then call('ZREM', lock.base .. 's:' .. session, lock.name) end
  end
  for session, sessionUntil in pairs(sessions or {}) do
    if wasSessions[session] ~= sessionUntil then index(lock.base .. 's:' .. session, lock.name, sessionUntil) end
  end
  -- Hints: without the permission to publish, waiters poll.
  for _, message in ipairs(lock.messages) do redis.pcall('PUBLISH', message[1], message[2]) end
end
`;
