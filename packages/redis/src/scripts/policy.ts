/**
 * Lua part: policies. A record begins with the text of the limits it was charged under, and a step names its policy by the same text, so
 * "were the parameters changed?" is one comparison of strings. The text is
 * `hg1 ` (format version), one `kind:name:limit:parameter[:parameter];` per limit, and a newline:
 * `t:name:limit:unitsPerUs:unitsPerToken;`, `f:name:limit:windowUs:aligned;` (0 or 1), `w:name:limit:windowUs;` (sliding window), `l:name:limit:windowUs;` (sliding log).
 */
export const policyLua: string = /* lua */ `
local kinds = { t = tokenBucket, f = fixedWindow, w = slidingWindow, l = slidingLog }
local policies = {}

local function parsePolicy(head)
  local policy = policies[head]
  if policy then return policy end
  policy = { head = head, n = 0 }
  for kind, name, limitText, first, second in gmatch(head, '(%l):([^:;]+):(%d+):(%d+):?(%d*);') do
    local limit = { kind = kind, name = name, limit = tonumber(limitText) }
    if kind == 't' then
      limit.unitsPerUs, limit.unitsPerToken = tonumber(first), tonumber(second)
      limit.full = limit.limit * limit.unitsPerToken
      limit.text = 't:' .. name .. ':' .. limitText .. ':' .. first .. ':' .. second .. ';'
    else
      limit.windowUs, limit.aligned = tonumber(first), second == '1'
      limit.text = kind .. ':' .. name .. ':' .. limitText .. ':' .. first .. (second ~= '' and ':' .. second or '') .. ';'
    end
    for fn, port in pairs(kinds[kind]) do limit[fn] = port end
    policy.n = policy.n + 1
    policy[policy.n] = limit
  end
  policies[head] = policy
  return policy
end

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
