import { exactLua } from './exact.js';
import { fixedWindowLua } from './fixed-window.js';
import { policyLua } from './policy.js';
import { recordLua } from './record.js';
import { slidingLogLua } from './sliding-log.js';
import { slidingWindowLua } from './sliding-window.js';
import { stepLua } from './step.js';
import { tokenBucketLua } from './token-bucket.js';

const localsLua: string = /* lua */ `
local call, pcall = redis.call, pcall
local packStruct, unpackStruct = struct.pack, struct.unpack
local sub, match, gmatch, concat = string.sub, string.match, string.gmatch, table.concat
`;

const mainLua: string = /* lua */ `
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local records = call('MGET', unpack(KEYS))
local specs = {}

local function parseSpec(text)
  local policyIndex, opsText = match(text, '^(%d+)(.*)$')
  local spec = { policy = parsePolicy(ARGV[#KEYS + policyIndex]) }
  for op, value, chargedAtUs, times in gmatch(opsText, '(%l)(%d*)@?(%d*)*?(%d*)') do
    spec[#spec + 1] = { run = ops[op], value = tonumber(value) or 0, chargedAtUs = tonumber(chargedAtUs), times = tonumber(times) or 1 }
  end
  specs[text] = spec
  return spec
end

local function decide(i)
  local spec = specs[ARGV[i]] or parseSpec(ARGV[i])
  policy, record = spec.policy, records[i]
  open(now)
  append(at - now)
  for j = 1, #spec do
    local op = spec[j]
    for _ = 1, op.times do op.run(op.value, op.chargedAtUs, now) end
  end
  if changed then
    close(KEYS[i])
  elseif not record and call('EXISTS', KEYS[i]) == 1 then
    error({ version = 'foreign' }, 0)
  end
end

append(now)
for i = 1, #KEYS do
  local before = size
  local ok, err = pcall(decide, i)
  if not ok then
    for j = before + 1, size do reply[j] = nil end
    size = before
    append(-1)
    if type(err) == 'table' and err.version then
      append('RECORD ' .. err.version)
    else
      append(type(err) == 'table' and err.err or tostring(err))
    end
  end
end
return reply
`;

/**
 * Decides a batch of limiter steps: the port of core's `decideStep`, held to it by `test/decide-differential.test.ts`.
 *
 * - KEYS: the record of each step, all under one hash tag when on a cluster.
 * - ARGV: one text per step, `<policy number><op>...`, then the policies' texts (see `policy.ts`), numbered from 1. An op is a letter and a value:
 *   `c` consume, `u` consumeUpTo, `k` peek, `p` penalize (cost); `r<cost>@<charged at, epoch µs>` refund; `b<µs>` block; `x` reset; `*<n>` after it repeats it.
 * - Reply: a flat array. First the server's clock, epoch µs. Then for each step either how far the step's instant lies after that clock, µs,
 *   and its answers (see `step.ts`), or -1 and an error's text. All numbers are integers below 2^53, which a reply carries exactly.
 *
 * A step that changes nothing writes nothing; a step that fails leaves its key as it was and the other steps their answers.
 */
export const decideScript: string = [
  localsLua,
  exactLua,
  tokenBucketLua,
  fixedWindowLua,
  slidingWindowLua,
  slidingLogLua,
  policyLua,
  recordLua,
  stepLua,
  mainLua,
].join('');
