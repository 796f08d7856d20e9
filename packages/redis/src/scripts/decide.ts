import { convertLua } from './convert.js';
import { exactLua } from './exact.js';
import { fixedWindowLua } from './fixed-window.js';
import { policyLua } from './policy.js';
import { quickLua } from './quick.js';
import { recordLua } from './record.js';
import { slidingLogLua } from './sliding-log.js';
import { slidingWindowLua } from './sliding-window.js';
import { stepLua } from './step.js';
import { tokenBucketLua } from './token-bucket.js';

const localsLua: string = /* lua */ `
local call, pcall = redis.call, pcall
local packStruct, unpackStruct = struct.pack, struct.unpack
local sub, match, gmatch, format, concat = string.sub, string.match, string.gmatch, string.format, table.concat
`;

const batchLua: string = /* lua */ `
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local records = call('MGET', unpack(KEYS))
local reply, size = { now }, 1
local texts = tonumber(ARGV[1])

-- Puts an error in the place of a step's answers.
local function failed(before, err)
  for j = before + 1, size do reply[j] = nil end
  reply[before + 1] = -1
  if type(err) ~= 'table' then
    reply[before + 2] = tostring(err)
  elseif err.version then
    reply[before + 2] = 'RECORD ' .. err.version
  else
    reply[before + 2] = err.err
  end
  size = before + 2
end
`;

const longLua: string = /* lua */ `
local function parseOps(spec)
  local number, opsText = match(spec.text, '^(%d+)(.*)$')
  spec.policy, spec.ops = parsePolicy(ARGV[1 + texts + number]), {}
  for letter, value, chargedAtUs, times in gmatch(opsText, '(%l)(%d*)@?(%d*)*?(%d*)') do
    spec.ops[#spec.ops + 1] =
      { letter = letter, value = tonumber(value) or 0, chargedAtUs = tonumber(chargedAtUs), times = tonumber(times) or 1 }
  end
end

return function(i, spec)
  if not spec.ops then parseOps(spec) end
  policy, record = spec.policy, records[i]
  open(now)
  append(at - now)
  for _, op in ipairs(spec.ops) do
    for _ = 1, op.times do ops[op.letter](op.value, op.chargedAtUs, now) end
  end
  if changed then
    close(KEYS[i])
  elseif not record and call('EXISTS', KEYS[i]) == 1 then
    error({ version = 'foreign' }, 0)
  end
end
`;

const mainLua: string = /* lua */ `
local formats = { t = 'dddd', f = 'dddd', w = 'ddddd' } -- of what follows a record's head
local specs = {}

-- The short way's reading of a step: one limit of constant state, one kind of consume that can be admitted.
local function quickSpec(text)
  local number, cost, times = match(text, '^(%d+)c(%d+)%*?(%d*)$')
  if not number then return { text = text } end
  local head = ARGV[1 + texts + number]
  local kind, name, capacity, first, second = match(head, '^hg1 (%l):([^:;]+):(%d+):(%d+):?(%d*);\\n$')
  local doubles = formats[kind]
  cost = tonumber(cost)
  if not doubles or cost == 0 or cost > tonumber(capacity) then return { text = text } end
  return {
    text = text, head = head, limit = parseLimit(kind, name, capacity, first, second), cost = cost,
    times = tonumber(times) or 1, format = '<c' .. #head .. doubles, length = #head + 8 * #doubles,
  }
end

local long
local spec
for i = 1, #KEYS do
  if i <= texts then
    local text = ARGV[1 + i]
    spec = specs[text]
    if not spec then
      spec = quickSpec(text)
      specs[text] = spec
    end
  end
  if not (spec.limit and quick(i, spec)) then
    long = long or loadLong()
    local before = size
    local ok, err = pcall(long, i, spec)
    if not ok then failed(before, err) end
  end
end
return reply
`;

/**
 * Decides a batch of limiter steps: the port of core's `decideStep`, held to it by `test/decide-differential.test.ts`.
 *
 * - KEYS: the record of each step, all under one hash tag when on a cluster.
 * - ARGV: the number of step texts; a text for each step, or one for all of them, `<policy number><op>...`; then the policies' texts (see `policy.ts`),
 *   numbered from 1. An op is a letter and a value:
 *   `c` consume, `u` consumeUpTo, `k` peek, `p` penalize (cost); `r<cost>@<charged at, epoch µs>` refund; `b<µs>` block; `x` reset; `*<n>` after it repeats it.
 * - Reply: a flat array. First the server's clock, epoch µs. Then for each step either how far the step's instant lies after that clock, µs,
 *   and its answers (see `step.ts`); or -1 and an error's text; or -2, `remaining` and `resetAtUs - now` when its one operation, on one limit, was
 *   admitted whole at that clock. All numbers are integers below 2^53, which a reply carries exactly.
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
  batchLua,
  quickLua,
  // The long way is made only when a step needs it.
  'local function loadLong()',
  convertLua,
  recordLua,
  stepLua,
  longLua,
  'end',
  mainLua,
].join('');
