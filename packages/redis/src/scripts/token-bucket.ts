/**
 * Lua part: a port of core's `tokenBucketAlgorithm` (`limits/token-bucket.ts`), function by function. A limit is a table of its parameters and
 * of the functions of its algorithm, made when a step asks for it. A state is passed and returned as up to
 * three values instead of an array, so that a decision makes no table: here `a` is the level in units, `b` its instant.
 */
export const tokenBucketLua: string = /* lua */ `
local function tokenBucket(name, capacity, unitsPerUs, unitsPerToken)
  return {
    kind = 't', name = name, limit = capacity, unitsPerUs = unitsPerUs, unitsPerToken = unitsPerToken, full = capacity * unitsPerToken,
    fresh = function(limit, now) return limit.full, now end,
    advance = function(limit, a, b, c, now)
      local elapsed = now - b
      if elapsed >= ceil((limit.full - a) / limit.unitsPerUs) then return limit.full, now end
      return a + elapsed * limit.unitsPerUs, now
    end,
    isFresh = function(limit, a) return a >= limit.full end,
    used = function(limit, a) return limit.limit - floor(a / limit.unitsPerToken) end,
    charge = function(limit, a, b, c, cost)
      local units = 2 * limit.full
      if cost <= 2 * limit.limit then units = cost * limit.unitsPerToken end
      return max(-limit.full, a - units), b
    end,
    refund = function(limit, a, b, c, cost)
      local units = 2 * limit.full
      if cost <= 2 * limit.limit then units = cost * limit.unitsPerToken end
      return min(limit.full, a + min(units, limit.full - a)), b
    end,
    admitAt = function(limit, a, b, c, cost, now)
      local missing = cost * limit.unitsPerToken - a
      if missing <= 0 then return now end
      return now + ceil(missing / limit.unitsPerUs)
    end,
    freshAt = function(limit, a, b, c, now)
      return now + ceil((limit.full - a) / limit.unitsPerUs)
    end,
  }
end
`;
