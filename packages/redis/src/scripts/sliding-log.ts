/**
 * Lua part: a port of core's `slidingLogAlgorithm` (`limits/sliding-log.ts`). `a` is the packed runs, 16 bytes each (instant, cost), and
 * `b` their sum, kept so that a decision walks only the runs that expire or that a denial has to wait for.
 */
export const slidingLogLua: string = /* lua */ `
local function slidingLog(name, capacity, windowUs)
  return {
    kind = 'l', name = name, limit = capacity, windowUs = windowUs,
    fresh = function() return '', 0 end,
    advance = function(limit, a, b, c, now)
      local first = 1
      while first <= #a do
        local atUs, cost = unpackStruct('<dd', a, first)
        if atUs + limit.windowUs > now then break end
        b = b - cost
        first = first + 16
      end
      if first == 1 then return a, b end
      return sub(a, first), b
    end,
    isFresh = function(limit, a) return a == '' end,
    used = function(limit, a, b) return b end,
    charge = function(limit, a, b, c, cost, now)
      local taken = min(cost, 2 * limit.limit - b)
      if taken <= 0 then return a, b end
      if a ~= '' then
        local lastUs, lastCost = unpackStruct('<dd', a, #a - 15)
        if lastUs == now then return sub(a, 1, -17) .. packStruct('<dd', now, lastCost + taken), b + taken end
      end
      return a .. packStruct('<dd', now, taken), b + taken
    end,
    refund = function(limit, a, b, c, cost, chargedAtUs)
      for first = 1, #a, 16 do
        local atUs, charged = unpackStruct('<dd', a, first)
        if atUs == chargedAtUs then
          local left = charged - cost
          if left > 0 then
            return sub(a, 1, first - 1) .. packStruct('<dd', atUs, left) .. sub(a, first + 16), b - cost
          end
          return sub(a, 1, first - 1) .. sub(a, first + 16), b - charged
        end
      end
      return a, b
    end,
    admitAt = function(limit, a, b, c, cost, now)
      local missing = b + cost - limit.limit
      if missing <= 0 then return now end
      for first = 1, #a, 16 do
        local atUs, charged = unpackStruct('<dd', a, first)
        missing = missing - charged
        if missing <= 0 then return atUs + limit.windowUs end
      end
      return now
    end,
    freshAt = function(limit, a, b, c, now)
      if a == '' then return now end
      return (unpackStruct('<d', a, #a - 15)) + limit.windowUs
    end,
  }
end
`;
