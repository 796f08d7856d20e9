/**
 * Lua part: policies. A record begins with the text of the limits it was charged under, and a step names its policy by the same text, so
 * "were the parameters changed?" is one comparison of strings. The text is
 * `hg1 ` (format version), one `kind:name:limit:parameter[:parameter];` per limit, and a newline:
 * `t:name:limit:unitsPerUs:unitsPerToken;`, `f:name:limit:windowUs:aligned;` (0 or 1), `w:name:limit:windowUs;` (sliding window), `l:name:limit:windowUs;` (sliding log).
 */
export const policyLua: string = /* lua */ `
local kinds = { t = tokenBucket, f = fixedWindow, w = slidingWindow, l = slidingLog }
local policies = {}

local function parseLimit(kind, name, capacity, first, second)
  return kinds[kind](name, tonumber(capacity), tonumber(first), tonumber(second))
end

local function parsePolicy(head)
  local policy = policies[head]
  if policy then return policy end
  policy = { head = head, n = 0 }
  for text, kind, name, capacity, first, second in gmatch(head, '((%l):([^:;]+):(%d+):(%d+):?(%d*);)') do
    local limit = parseLimit(kind, name, capacity, first, second)
    limit.text = text
    policy.n = policy.n + 1
    policy[policy.n] = limit
  end
  policies[head] = policy
  return policy
end
`;
