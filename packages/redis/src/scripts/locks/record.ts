/**
 * Lua part, behind `lockBeginLua`: the record of a lock key. It has two forms, both exact for integers below 2^53, and outlives its leases because of
 * the fence (the last token issued).
 *
 * - Plain, when at most one lease is there and nobody waits: `hgl2 `, then 16 digits each of when the lease ends (µs; 0: released), of the fence and of when
 *   it was acquired (µs); the length of what comes next in 5 digits; in MessagePack session|false, mode, permits, owner, metadata|false and inbox; and to
 *   the end `<first token>:<lease id>` and a zero byte.
 * - Full: `hgl2*` and a MessagePack sequence: fence, mode, permits, holders, queue, tombs. A holder is
 *   `{ leaseId, ownerId, sessionId|false, first token, last token, metadata|false, acquired µs, until µs, inbox, shown token }`; somebody in the queue is a
 *   request (see `run.ts`) with its inbox and its deadline in µs; a tomb is `{ leaseId, reason, until µs }` of a lease that was taken away, so that its
 *   holder can be told why.
 */
export const lockFormLua: string = /* lua */ `
-- What the plain form says of a holder, with its length; nothing when that is too long for it.
local function holderText(...)
  local packed = cmsgpack.pack(...)
  return #packed <= 99999 and format('%05d', #packed) .. packed or nil
end
`;

/** Lua part: reading and writing records. */
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

local function parsePlain(raw)
  if string.byte(raw, -1) ~= 0 then error() end
  local untilUs, fence, size = tonumber(sub(raw, 6, 21)), tonumber(sub(raw, 22, 37)), tonumber(sub(raw, 54, 58))
  local session, mode, permits, owner, metadata, channel = cmsgpack.unpack(sub(raw, 59, 58 + size))
  local colon = seek(raw, ':', 59 + size, true)
  local first, holders = tonumber(sub(raw, 59 + size, colon - 1)), {}
  if untilUs > 0 then
    holders[1] = { sub(raw, colon + 1, -2), owner, session, first, fence, metadata, tonumber(sub(raw, 38, 53)), untilUs, channel, first }
  end
  return fence, mode, permits, holders, {}, {}
end

-- The key as it stands now: what has run out is left away, but nothing is written yet.
local function load(place)
  local lock = { key = KEYS[place], fence = 0, mode = 'x', permits = 1, messages = false, indexedUntil = 0, indexedSessions = nil }
  local raw = rawOf(place)
  if not raw then
    lock.holders, lock.queue, lock.tombs = {}, {}, {}
    return lock
  end
  local form = sub(raw, 1, 5)
  if form ~= 'hgl2 ' and form ~= 'hgl2*' then error({ version = string.match(raw, '^hgl(%d+)') or 'foreign' }, 0) end
  local ok, fence, mode, permits, holders, queue, tombs
  if form == 'hgl2 ' then
    ok, fence, mode, permits, holders, queue, tombs = pcall(parsePlain, raw)
  else
    ok, fence, mode, permits, holders, queue, tombs = pcall(cmsgpack.unpack, sub(raw, 6))
  end
  if not ok then error({ version = 'foreign' }, 0) end
  lock.fence, lock.mode, lock.permits = fence, mode, permits
  lock.indexedUntil, lock.indexedSessions = latestOf(holders)
  lock.holders, lock.queue, lock.tombs = living(holders, 8), living(queue, 11), living(tombs, 3)
  return lock
end

-- The plain form of the record, where that says it all.
local function plain(lock)
  if #lock.holders > 1 or #lock.queue > 0 or #lock.tombs > 0 then return end
  local holder = lock.holders[1] or { '', '', false, lock.fence, lock.fence, false, now, 0, '', lock.fence }
  local leaseId, owner, session, first, last, metadata, acquiredUs, untilUs, channel, shown = unpack(holder)
  if last ~= lock.fence or shown ~= first then return end
  local text = holderText(session, lock.mode, lock.permits, owner, metadata, channel)
  return text and format('hgl2 %016d%016d%016d', untilUs, last, acquiredUs) 
    .. text .. format('%d:', first) .. leaseId .. '\\0'
end

local function save(lock)
  local latest, sessions = latestOf(lock.holders)
  local untilUs = latest
  for _, waiter in ipairs(lock.queue) do untilUs = max(untilUs, waiter[11]) end
  local record = plain(lock)
    or 'hgl2*' .. cmsgpack.pack(lock.fence, lock.mode, lock.permits, lock.holders, lock.queue, lock.tombs)
  local ttlMs = fenceTtlMs + max(ceil((untilUs - now) / 1000), 0)
  written[lock.key] = true
  local set = redis.pcall('SET', lock.key, record, 'PX', ttlMs)
  if set.err then
    -- What makes a record no longer, releases above all, must succeed when memory is full: Redis refuses only a script's first write.
    local grows = #record > #(call('GET', lock.key) or '')
    if grows or not seek(set.err, 'OOM', 1, true) then error(set, 0) end
    call('DEL', lock.key)
    call('SET', lock.key, record, 'PX', ttlMs)
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
