/** Lua part: a port of core's `fixedWindowAlgorithm` (`limits/fixed-window.ts`). `a` is the count, `b` the window's start. */
export const fixedWindowLua: string = /* lua */ `
local function fixedWindowStart(limit, now)
  if limit.aligned then return now - now % limit.windowUs end
  return now
end

local function fixedWindow(name, capacity, windowUs, aligned)
  return {
    kind = 'f', name = name, limit = capacity, windowUs = windowUs, aligned = aligned == 1,
    fresh = function(limit, now) return 0, fixedWindowStart(limit, now) end,
    advance = function(limit, a, b, c, now)
      if a > 0 and now < b + limit.windowUs then return a, b end
      return 0, fixedWindowStart(limit, now)
    end,
    isFresh = function(limit, a) return a == 0 end,
    used = function(limit, a) return a end,
    charge = function(limit, a, b, c, cost) return a + min(cost, 2 * limit.limit - a), b end,
    refund = function(limit, a, b, c, cost, atUs)
      if atUs >= b and atUs < b + limit.windowUs then return max(0, a - cost), b end
      return a, b
    end,
    admitAt = function(limit, a, b, c, cost, now)
      if cost <= limit.limit - a then return now end
      return b + limit.windowUs
    end,
    freshAt = function(limit, a, b, c, now)
      if a == 0 then return now end
      return b + limit.windowUs
    end,
  }
end
`;
