/** Lua part: a port of core's `sameParameters` and `convertState` (`limits/record.ts`), for limits whose parameters changed. */
export const convertLua: string = /* lua */ `
local function sameTime(from, to)
  if from.kind ~= to.kind then return false end
  return from.kind == 't' or (from.windowUs == to.windowUs and from.aligned == to.aligned)
end

local function sameParameters(from, to)
  return from.limit == to.limit and sameTime(from, to)
    and from.unitsPerUs == to.unitsPerUs and from.unitsPerToken == to.unitsPerToken
end

local function convertUnits(units, from, to, most)
  if from == to then return min(units, most) end
  local tokens = floor(units / from)
  if tokens > floor(most / to) then return most end
  return min(most, tokens * to + ceilMulDiv(to, units - tokens * from, from))
end

-- core's convertState (limits/record.ts)
local function convertState(from, to, a, b, c, atUs)
  if not sameTime(from, to) then
    local used = from.used(from, a, b, c, atUs)
    local fa, fb, fc = to.fresh(to, atUs)
    if used == 0 then return fa, fb, fc end
    return to.charge(to, fa, fb, fc, used, atUs)
  end
  if from.kind ~= 't' then return a, b, c end
  local missing = from.full - a
  return to.full - convertUnits(missing, from.unitsPerToken, to.unitsPerToken, 2 * to.full), atUs
end
`;
