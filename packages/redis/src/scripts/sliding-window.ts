/** Lua part: a port of core's `slidingWindowAlgorithm` (`limits/sliding-window.ts`). `a` and `b` are the previous and the current count, `c` the current window's start. */
export const slidingWindowLua: string = /* lua */ `
local function weight(limit, previous, startUs, now)
  return ceilMulDiv(previous, limit.windowUs - (now - startUs), limit.windowUs)
end

local function offsetForRoom(limit, previous, room)
  if previous <= room then return 0 end
  return limit.windowUs - floorMulDiv(limit.windowUs, room, previous)
end

local function slidingWindow(name, capacity, windowUs)
  return {
    kind = 'w', name = name, limit = capacity, windowUs = windowUs,
    fresh = function(limit, now) return 0, 0, now - now % limit.windowUs end,
    advance = function(limit, a, b, c, now)
      if now < c + limit.windowUs then return a, b, c end
      local start = now - now % limit.windowUs
      if start == c + limit.windowUs then return b, 0, start end
      return 0, 0, start
    end,
    isFresh = function(limit, a, b) return a == 0 and b == 0 end,
    used = function(limit, a, b, c, now) return weight(limit, a, c, now) + b end,
    charge = function(limit, a, b, c, cost, now)
      local room = 2 * limit.limit - weight(limit, a, c, now) - b
      return a, b + max(0, min(cost, room)), c
    end,
    refund = function(limit, a, b, c, cost, atUs)
      if atUs >= c then
        if atUs < c + limit.windowUs then b = max(0, b - cost) end
      elseif atUs >= c - limit.windowUs then
        a = max(0, a - cost)
      end
      return a, b, c
    end,
    admitAt = function(limit, a, b, c, cost, now)
      local room = limit.limit - b - cost
      if room >= 0 then return max(now, c + offsetForRoom(limit, a, room)) end
      return c + limit.windowUs + offsetForRoom(limit, b, limit.limit - cost)
    end,
    freshAt = function(limit, a, b, c, now)
      if b > 0 then return c + 2 * limit.windowUs end
      if a > 0 then return c + limit.windowUs end
      return now
    end,
  }
end
`;
