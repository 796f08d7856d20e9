/** Lua part: who gets a lock. The queue is always served before a newcomer is, in the step that makes room. */
export const lockGrantLua: string = /* lua */ `
local function tell(lock, channel, kind, leaseId, reason)
  if channel == '' then return end
  lock.messages = lock.messages or {}
  lock.messages[#lock.messages + 1] = { channel, cjson.encode({ kind, sub(lock.key, seek(lock.key, '}:l:', 1, true) + 4), leaseId, reason }) }
end

-- Whether the holders leave room for a request, the queue aside.
local function admits(lock, request)
  local held, mode = #lock.holders, request[4]
  if held == 0 then return true end
  if mode ~= lock.mode or mode == 'x' then return false end
  return mode == 's' or held < request[5]
end

local function grant(lock, request, untilUs)
  local first = max(lock.fence + 1, now)
  local last = first + request[8] - 1
  lock.fence, lock.mode, lock.permits = last, request[4], request[5]
  local holder = { request[1], request[2], request[3], first, last, request[6], now, untilUs, request[10], first }
  lock.holders[#lock.holders + 1] = holder
  return holder
end

-- Hands the lock to those at the head of the queue. They learn of it by a message that may be lost, so they get it for a
-- short while, in which they confirm by asking again; \`asking\` is the one who is asking now.
local function serveQueue(lock, asking)
  while lock.queue[1] and admits(lock, lock.queue[1]) do
    local waiter = table.remove(lock.queue, 1)
    if waiter[1] == asking then
      grant(lock, waiter, now + waiter[7] * 1000)
    else
      grant(lock, waiter, now + min(waiter[7] * 1000, claimUs))
      tell(lock, waiter[10], 'w', waiter[1])
    end
  end
end

-- Holders as a reply shows them.
local function describe(holders)
  local shown = {}
  for i, h in ipairs(holders) do shown[i] = { h[1], h[2], h[3], h[10], h[6], h[7], h[8] } end
  return shown
end

local function retryMs(lock)
  local earliest
  for _, holder in ipairs(lock.holders) do earliest = min(earliest or holder[8], holder[8]) end
  return ceil(((earliest or now) - now) / 1000)
end

-- One attempt: \`{ 1, first token, last token }\` or \`{ 0, retry after ms, holders in the way }\`.
local function attempt(lock, request)
  local leaseId = request[1]
  request[10] = inbox
  local waiter, place = find(lock.queue, leaseId)
  if request[9] then
    request[11] = now + request[9] * 1000
    if waiter then lock.queue[place] = request end
  end
  serveQueue(lock, leaseId)
  local holder = find(lock.holders, leaseId)
  if holder then
    holder[8] = now + request[7] * 1000
  elseif #lock.queue == 0 and admits(lock, request) then
    holder = grant(lock, request, now + request[7] * 1000)
  end
  if holder then return { 1, holder[4], holder[5] } end
  if request[9] and not waiter then lock.queue[#lock.queue + 1] = request end
  return { 0, retryMs(lock), admits(lock, request) and {} or describe(lock.holders) }
end

-- Takes the lease at \`place\` away from its holder, and leaves word why.
local function evict(lock, place, reason)
  local holder = table.remove(lock.holders, place)
  if #lock.tombs >= 64 then table.remove(lock.tombs, 1) end
  lock.tombs[#lock.tombs + 1] = { holder[1], reason, holder[8] }
  tell(lock, holder[9], 'l', holder[1], reason)
  return holder
end

local function whyGone(lock, leaseId)
  local tomb = find(lock.tombs, leaseId)
  if tomb then return tomb[2] end
  return #lock.holders > 0 and 'stolen' or 'expired'
end
`;
