/**
 * Lua part: records. After the policy text come two doubles (last write, end of the block; epoch microseconds) and each limit's state:
 * two doubles for a token bucket and a fixed window, three for a sliding window; a sliding log's sum and number of runs, then its runs.
 * Doubles hold every integer below 2^53 exactly. Unlike core's record, fresh limits of the policy are stored too (it changes no answer):
 * the text then stays that of the policy. The working copy of the step being decided lives in the locals at the top.
 */
export const recordLua: string = /* lua */ `
local policy, record, at, blocked, changed
local A, B, C = {}, {}, {} -- states by index of the limit
local freshBy              -- by index; nil when no limit's parameters changed
local kept                 -- entries of limits this step does not ask for, nil when there are none

local function decodeState(limit, text, pos)
  if limit.kind == 'w' then return unpackStruct('<ddd', text, pos) end
  local a, b = unpackStruct('<dd', text, pos)
  if limit.kind ~= 'l' then return a, b, nil, pos + 16 end
  local last = pos + 16 + 16 * b
  if b < 0 or last - 1 > #text then error('truncated') end
  return sub(text, pos + 16, last - 1), a, nil, last
end

local function encodeState(limit, a, b, c)
  if limit.kind == 'w' then return packStruct('<ddd', a, b, c) end
  if limit.kind == 'l' then return packStruct('<dd', b, #a / 16) .. a end
  return packStruct('<dd', a, b)
end

local function entryFreshAt(entry, lastUs)
  local limit = entry.limit
  local a, b, c = limit.advance(limit, entry.a, entry.b, entry.c, lastUs)
  return limit.freshAt(limit, a, b, c, lastUs)
end

-- core's open and openState for a record that was written under another policy text.
local function openChanged(head, lastUs, pos)
  local stored, entries = parsePolicy(head), {}
  for i = 1, stored.n do
    local limit = stored[i]
    local entry = { limit = limit }
    entry.a, entry.b, entry.c, pos = decodeState(limit, record, pos)
    entries[limit.name] = entry
  end
  for i = 1, policy.n do
    local limit = policy[i]
    local entry = entries[limit.name]
    if not entry then
      A[i], B[i], C[i] = limit.fresh(limit, at)
    elseif sameParameters(entry.limit, limit) then
      A[i], B[i], C[i] = limit.advance(limit, entry.a, entry.b, entry.c, at)
    else
      local from, freshAtUs = entry.limit, entryFreshAt(entry, lastUs)
      if freshAtUs <= at then
        A[i], B[i], C[i] = limit.fresh(limit, at)
      else
        local a, b, c = from.advance(from, entry.a, entry.b, entry.c, lastUs)
        a, b, c = convertState(from, limit, a, b, c, lastUs)
        A[i], B[i], C[i] = limit.advance(limit, a, b, c, at)
        freshBy = freshBy or {}
        freshBy[i] = freshAtUs
      end
    end
    entries[limit.name] = nil
  end
  for i = 1, stored.n do
    local entry = entries[stored[i].name]
    if entry and entryFreshAt(entry, lastUs) > at then
      kept = kept or {}
      kept[#kept + 1] = entry
    end
  end
end

-- Reads the record into the working copy. Every stored record was not fresh when it was written, so one that is still
-- here either is live or advances to the fresh state by itself; core's isLive needs no port.
local function open(now)
  at, blocked, changed, freshBy, kept = now, 0, false, nil, nil
  if not record then
    for i = 1, policy.n do
      local limit = policy[i]
      A[i], B[i], C[i] = limit.fresh(limit, at)
    end
    return
  end
  local head, same = policy.head, true
  if sub(record, 1, #head) ~= head then
    head, same = match(record, '^hg1 [^\\n]*\\n'), false
    if not head then
      error({ version = match(record, '^hg(%d+) ') or 'foreign' }, 0)
    end
  end
  local pos = #head + 1
  local lastUs, blockedUntil
  lastUs, blockedUntil, pos = unpackStruct('<dd', record, pos)
  at = max(now, lastUs)
  if blockedUntil > at then blocked = blockedUntil end
  if not same then return openChanged(head, lastUs, pos) end
  for i = 1, policy.n do
    local limit = policy[i]
    local a, b, c
    a, b, c, pos = decodeState(limit, record, pos)
    A[i], B[i], C[i] = limit.advance(limit, a, b, c, at)
  end
end

-- Writes the working copy; the key expires in the millisecond after it equals a fresh one, never sooner.
local function close(key)
  local fresh, head, freshAtUs = true, policy.head, max(at, blocked)
  local body = packStruct('<dd', at, blocked)
  for i = 1, policy.n do
    local limit = policy[i]
    local a, b, c = A[i], B[i], C[i]
    if not limit.isFresh(limit, a, b, c) then
      fresh = false
      freshAtUs = max(freshAtUs, limit.freshAt(limit, a, b, c, at))
    end
    body = body .. encodeState(limit, a, b, c)
  end
  if kept then
    fresh = false
    local texts = { sub(head, 1, -2) }
    for _, entry in ipairs(kept) do
      texts[#texts + 1] = entry.limit.text
      freshAtUs = max(freshAtUs, entryFreshAt(entry, at))
      body = body .. encodeState(entry.limit, entry.a, entry.b, entry.c)
    end
    head = concat(texts) .. '\\n'
  end
  if fresh and blocked == 0 then
    if record then call('DEL', key) end
  elseif record then
    call('SET', key, head .. body, 'PXAT', ceil(freshAtUs / 1000))
  else
    -- MGET shows a hash or a list as absent; GET makes SET refuse to replace one.
    call('SET', key, head .. body, 'PXAT', ceil(freshAtUs / 1000), 'GET')
  end
end
`;
