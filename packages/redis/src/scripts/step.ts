/**
 * Lua part: a port of core's `decideStep` (`limits/decide.ts`) on the working copy of `record.ts`. Each operation appends its answer to `reply`:
 * allowed: `0, granted, remaining, resetAtUs - now`; denied: `1 quota | 2 blocked | 3 capacity, violated, retryAtUs - now (0 for capacity),
 * remaining, resetAtUs - now`; then, when the policy has several limits, `remaining, resetAtUs - now` of each.
 */
export const stepLua: string = /* lua */ `
local function remainingOf(i)
  local limit = policy[i]
  return max(0, limit.limit - limit.used(limit, A[i], B[i], C[i], at))
end

local function append(value)
  size = size + 1
  reply[size] = value
end

local function readings(now)
  local resetAt, remaining, slot = max(at, blocked), 9007199254740991, size
  size = size + 2
  for i = 1, policy.n do
    local limit = policy[i]
    local left = 0
    if blocked <= at then left = remainingOf(i) end
    local freshAtUs = limit.freshAt(limit, A[i], B[i], C[i], at)
    if freshBy and freshBy[i] and freshBy[i] < freshAtUs then freshAtUs = freshBy[i] end
    if freshAtUs > resetAt then resetAt = freshAtUs end
    if left < remaining then remaining = left end
    if policy.n > 1 then
      append(left)
      append(freshAtUs - now)
    end
  end
  if kept then
    for _, entry in ipairs(kept) do resetAt = max(resetAt, entryFreshAt(entry, at)) end
  end
  reply[slot + 1] = remaining
  reply[slot + 2] = resetAt - now
end

local function admitted(granted, now)
  append(0)
  -- ioredis 6 misreads integers within 57 of 2^53; as text they arrive whole.
  append(granted > 4503599627370496 and format('%.0f', granted) or granted)
  readings(now)
end

local function refused(code, violated, retryIn, now)
  append(code)
  append(violated)
  append(retryIn)
  readings(now)
end

-- Appends the refusal of cost and returns true, or returns false when every limit admits it.
local function denied(cost, now)
  for i = 1, policy.n do
    if cost > policy[i].limit then
      refused(3, i - 1, 0, now)
      return true
    end
  end
  local retryAt, violated = at, -1
  for i = 1, policy.n do
    local limit = policy[i]
    local admitAtUs = limit.admitAt(limit, A[i], B[i], C[i], cost, at)
    if freshBy and freshBy[i] and freshBy[i] < admitAtUs then admitAtUs = freshBy[i] end
    if admitAtUs > retryAt then retryAt, violated = admitAtUs, i - 1 end
  end
  if blocked > at then
    refused(2, -1, max(retryAt, blocked) - now, now)
    return true
  end
  if violated >= 0 then
    refused(1, violated, retryAt - now, now)
    return true
  end
  return false
end

local function charge(cost, now)
  if cost > 0 then
    for i = 1, policy.n do
      local limit = policy[i]
      A[i], B[i], C[i] = limit.charge(limit, A[i], B[i], C[i], cost, at)
    end
    freshBy, changed = nil, true
  end
  admitted(cost, now)
end

local function refund(cost, chargedAtUs, now)
  local granted, differs = 0, false
  local states = {}
  for i = 1, policy.n do
    local limit = policy[i]
    local a, b, c = limit.refund(limit, A[i], B[i], C[i], cost, chargedAtUs, at)
    granted = max(granted, limit.used(limit, A[i], B[i], C[i], at) - limit.used(limit, a, b, c, at))
    differs = differs or a ~= A[i] or b ~= B[i] or c ~= C[i]
    states[i] = { a, b, c }
  end
  if differs then
    for i = 1, policy.n do A[i], B[i], C[i] = states[i][1], states[i][2], states[i][3] end
    freshBy, changed = nil, true
  end
  admitted(granted, now)
end

local ops = {
  c = function(cost, _, now)
    if not denied(cost, now) then charge(cost, now) end
  end,
  u = function(cost, _, now)
    local least = 9007199254740991
    for i = 1, policy.n do least = min(least, remainingOf(i)) end
    local taken = min(cost, max(1, least))
    if denied(taken, now) then return end
    if cost == 0 then return admitted(0, now) end
    charge(taken, now)
  end,
  k = function(cost, _, now)
    if not denied(cost, now) then admitted(0, now) end
  end,
  p = function(cost, _, now) charge(cost, now) end,
  r = refund,
  b = function(forUs, _, now)
    local untilUs = at + forUs
    if untilUs > blocked and forUs > 0 then blocked, changed = untilUs, true end
    admitted(0, now)
  end,
  x = function(_, _, now)
    for i = 1, policy.n do
      local limit = policy[i]
      A[i], B[i], C[i] = limit.fresh(limit, at)
    end
    blocked, changed, freshBy, kept = 0, true, nil, nil
    admitted(0, now)
  end,
}
`;
