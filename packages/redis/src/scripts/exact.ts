/** Lua part: `floorMulDiv` and `ceilMulDiv`, the exact multiply-divide of core's `limits/exact.ts`, digit by digit. Lua 5.1 numbers are the same doubles. */
export const exactLua: string = /* lua */ `
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

local function floorMulDiv(a, b, c)
  local product = a * b
  if product <= 9007199254740991 then return floor(product / c) end
  local base = 2
  while base * c * 4 <= 9007199254740992 and base < 67108864 do base = base * 2 end
  local scale = 1
  while scale * base <= a do scale = scale * base end
  local quotient, remainder, rest = 0, 0, a
  while scale >= 1 do
    local digit = floor(rest / scale)
    rest = rest - digit * scale
    local partial = remainder * base + digit * b
    local quotientDigit = floor(partial / c)
    remainder = partial - quotientDigit * c
    quotient = quotient * base + quotientDigit
    scale = scale / base
  end
  return quotient
end

local function ceilMulDiv(a, b, c)
  return a - floorMulDiv(a, c - b, c)
end
`;
