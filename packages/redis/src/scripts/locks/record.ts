/**
 * Lua part, behind `lockBeginLua`: the record of a lock key. One string, `hgl1 ` and a MessagePack sequence (exact for integers below 2^53):
 * fence (last token issued), mode, permits, holders, queue, tombs. A holder is
 * `{ leaseId, ownerId, sessionId|false, first token, last token, metadata|false, acquired µs, until µs, inbox, shown token }`;
 * somebody in the queue is a request (see `run.ts`) with its deadline in µs; a tomb is `{ leaseId, reason, until µs }` of a lease that was taken away,
 * so that its holder can be told why. The record outlives its leases because of the fence.
 */
export const lockRecordLua: string = /* lua */ `
local function find(list, leaseId)
  for i, entry in ipairs(list) do
    if entry[1] == leaseId then return entry, i end
  end
end

-- The entries whose instant in \`field\` has not come; the list itself when that is all of them.
local function living(list, field)
  local kept
  for i, entry in ipairs(list) do
    if entry[field] > now then
      if kept then kept[#kept + 1] = entry end
    elseif not kept then
      kept = {}
      for k = 1, i - 1 do kept[k] = list[k] end
    end
  end
  return kept or list
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
  local lock = { key = key, fence = 0, mode = 'x', permits = 1, messages = false, indexedUntil = 0, indexedSessions = nil }
  local raw = call('GET', key)
  if not raw then
    lock.holders, lock.queue, lock.tombs = {}, {}, {}
    return lock
  end
  if sub(raw, 1, 5) ~= 'hgl1 ' then error({ version = string.match(raw, '^hgl(%d+) ') or 'foreign' }, 0) end
  local ok, fence, mode, permits, holders, queue, tombs = pcall(cmsgpack.unpack, sub(raw, 6))
  if not ok then error({ version = 'foreign' }, 0) end
  lock.fence, lock.mode, lock.permits = fence, mode, permits
  lock.indexedUntil, lock.indexedSessions = latestOf(holders)
  lock.holders, lock.queue, lock.tombs = living(holders, 8), living(queue, 11), living(tombs, 3)
  return lock
end

local function save(lock)
  local latest, sessions = latestOf(lock.holders)
  local untilUs = latest
  for _, waiter in ipairs(lock.queue) do untilUs = max(untilUs, waiter[11]) end
  local packed = cmsgpack.pack(lock.fence, lock.mode, lock.permits, lock.holders, lock.queue, lock.tombs)
  local ttlMs = max(fenceTtlMs, ceil((untilUs - now) / 1000) + 1)
  local set = redis.pcall('SET', lock.key, 'hgl1 ' .. packed, 'PX', ttlMs)
  if set.err then
    -- What makes a record no longer, releases above all, must succeed when memory is full: Redis refuses only a script's first write.
    local grows = #packed + 5 > #(call('GET', lock.key) or '')
    if grows or not seek(set.err, 'OOM', 1, true) then error(set, 0) end
    call('DEL', lock.key)
    call('SET', lock.key, 'hgl1 ' .. packed, 'PX', ttlMs)
  end
  if latest ~= lock.indexedUntil then index(lock.key, 'h', latest) end
  local was = lock.indexedSessions
  if was or sessions then
    was, sessions = was or {}, sessions or {}
    for session in pairs(was) do
      if not sessions[session] then index(lock.key, 's:' .. session, 0) end
    end
    for session, sessionUntil in pairs(sessions) do
      if was[session] ~= sessionUntil then index(lock.key, 's:' .. session, sessionUntil) end
    end
  end
  if not lock.messages then return end
  -- Hints: without the permission to publish, waiters poll.
  for _, message in ipairs(lock.messages) do redis.pcall('PUBLISH', message[1], message[2]) end
end
`;
