/**
 * Lua part: the short way through `decideStep` for what most calls are: `consume` on a policy of one limit with constant state, on a key that is
 * absent or was last written under the same policy and is not blocked. Same functions, same answers, no tables. Returns false, with nothing
 * done, when the step has to take the long way.
 */
export const quickLua: string = /* lua */ `
local function quick(i, spec)
  local limit, cost, times = spec.limit, spec.cost, spec.times
  local record, at, a, b, c = records[i], now, nil, nil, nil
  if record then
    local head, lastUs, blocked
    if #record ~= spec.length then return false end
    head, lastUs, blocked, a, b, c = unpackStruct(spec.format, record)
    if head ~= spec.head or blocked ~= 0 then return false end
    if lastUs > at then at = lastUs end
    a, b, c = limit.advance(limit, a, b, c, at)
  else
    a, b, c = limit.fresh(limit, at)
  end
  local before, capacity, admitted, resetIn = size, limit.limit, false, nil
  if times == 1 and at == now and limit.admitAt(limit, a, b, c, cost, at) == at then
    a, b, c = limit.charge(limit, a, b, c, cost, at)
    admitted, resetIn = true, limit.freshAt(limit, a, b, c, at) - at
    reply[size + 1], reply[size + 2], reply[size + 3] = -2, capacity - limit.used(limit, a, b, c, at), resetIn
    size = size + 3
  else
    reply[size + 1] = at - now
    size = size + 1
    for _ = 1, times do
      local admitAtUs = limit.admitAt(limit, a, b, c, cost, at)
      if admitAtUs > at then
        reply[size + 1], reply[size + 2], reply[size + 3] = 1, 0, admitAtUs - now
        size = size + 3
      else
        a, b, c = limit.charge(limit, a, b, c, cost, at)
        admitted = true
        reply[size + 1], reply[size + 2] = 0, cost
        size = size + 2
      end
      resetIn = limit.freshAt(limit, a, b, c, at) - now
      reply[size + 1], reply[size + 2] = max(0, capacity - limit.used(limit, a, b, c, at)), resetIn
      size = size + 2
    end
    if not admitted then return true end
  end
  local value = packStruct(spec.format, spec.head, at, 0, a, b, c)
  -- One more: Redis may have read its clock for expiry in an earlier millisecond than we.
  local ttlMs = format('%d', ceil(resetIn / 1000) + 1)
  local outcome
  if record then
    outcome = redis.pcall('SET', KEYS[i], value, 'PX', ttlMs)
  else
    -- MGET shows a hash or a list as absent; GET makes SET refuse to replace one.
    outcome = redis.pcall('SET', KEYS[i], value, 'PX', ttlMs, 'GET')
  end
  if outcome and outcome.err then failed(before, outcome) end
  return true
end
`;
