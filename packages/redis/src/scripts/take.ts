import { parametersBytes } from '../take-parameters.js';

/** What {@link takeScript} has to know of an algorithm; Lua text over the locals `a`, `b` (a limit's state), `now`, `cost`, `times`, `limit`, `first` and `second`. */
interface TakeParts {
  /** Derives what is the same for all steps from the limit's parameters; runs once. */
  readonly prepare: string;
  /** Sets `a` and `b` to the fresh state. */
  readonly fresh: string;
  /** Carries `a` and `b` on to `now`; sets `lasts` when the record's time to live stays right whatever is charged. */
  readonly advance: string;
  /** An expression: how many costs fit, any number below 1 for none. */
  readonly fitting: string;
  /** Charges `taken` costs. */
  readonly charge: string;
  /** An expression: the instant from which the state equals a fresh one, epoch µs. */
  readonly freshAt: string;
  /** The state from which the caller can work out the answers. */
  readonly replied: readonly ('a' | 'b')[];
}

const tokenBucketParts: TakeParts = {
  prepare: 'local unitsPerUs, unitsPerToken, full = first, second, limit * second',
  fresh: 'a, b = full, now',
  advance: `
      local elapsed = now - b
      if elapsed >= ceil((full - a) / unitsPerUs) then a = full else a = a + elapsed * unitsPerUs end
      b = now`,
  fitting: 'floor(a / (cost * unitsPerToken))',
  charge: 'a = a - taken * (cost * unitsPerToken)',
  freshAt: 'now + ceil((full - a) / unitsPerUs)',
  replied: ['a'],
};

const fixedWindowParts: TakeParts = {
  prepare: 'local windowUs, aligned = first, second == 1',
  fresh: 'a, b = 0, (aligned and now - now % windowUs or now)',
  advance: `
      if a == 0 or now >= b + windowUs then a, b = 0, (aligned and now - now % windowUs or now) else lasts = true end`,
  fitting: 'floor((limit - a) / cost)',
  charge: 'a = a + taken * cost',
  freshAt: 'b + windowUs',
  replied: ['a', 'b'],
};

// No functions, no tables but one: an EVALSHA makes all of a script's closures before it does anything. An argument costs a thousand instructions and
// `tonumber` as many again, so the numbers travel in one. A record that is there is written in place: SET would copy its head and the whole of its
// arguments.
function takeScript({ prepare, fresh, advance, fitting, charge, freshAt, replied }: TakeParts): string {
  const places = replied.map((_, i) => `states[size + ${i + 1}]`).join(', ');
  const found = replied.map((field) => `${field}0`).join(', ');
  const undone = replied.map(() => 'undone').join(', ');
  return /* lua */ `
local call, pcall, pack, unpackStruct, floor, ceil = redis.call, redis.pcall, struct.pack, struct.unpack, math.floor, math.ceil
local find, format, sub, keys, parameters = string.find, string.format, string.sub, KEYS, ARGV[1]
local l0, l1, f0, f1, s0, s1, c0, c1, t0, t1 = unpackStruct('<I8I8I8I8I8I8I8I8I8I8', parameters)
local limit, first, second, cost, times = l0 + 128 * l1, f0 + 128 * f1, s0 + 128 * s1, c0 + 128 * c1, t0 + 128 * t1
local head = sub(parameters, ${parametersBytes + 1})
${prepare}
local each = cost == 0 and string.gmatch(ARGV[2], '(%d+)*(%d+);')
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local records = call('MGET', unpack(keys))
local bodyAt, length, offset, undone = #head + 1, #head + 32, format('%d', #head), 0 / 0
local states, size = {}, 0
for i = 1, #keys do
  local key, record, lasts = keys[i], records[i], false
  local a, b
  if each then
    cost, times = each()
    cost, times = tonumber(cost), tonumber(times)
  end
  if not record then
    ${fresh}
  elseif #record == length and find(record, head, 1, true) == 1 then
    local lastUs, blocked
    lastUs, blocked, a, b = unpackStruct('<dddd', record, bodyAt)
    if blocked == 0 and lastUs <= now then${advance}
    else
      a = nil
    end
  end
  local ${found} = ${replied.join(', ')}
  if a then
    local taken = ${fitting}
    if taken >= 1 then
      if taken > times then taken = times end
      ${charge}
      local body = pack('<dddd', now, 0, a, b)
      local expiresAtMs = not lasts and format('%d', ceil((${freshAt}) / 1000))
      if not record then
        -- MGET shows a hash or a list as absent; GET makes SET refuse to replace one.
        local outcome = pcall('SET', key, head .. body, 'PXAT', expiresAtMs, 'GET')
        if outcome and outcome.err then a = nil end
      elseif pcall('SETRANGE', key, offset, body) ~= length then
        a = nil
      elseif not lasts and pcall('PEXPIREAT', key, expiresAtMs) ~= 1 then
        pcall('SETRANGE', key, offset, sub(record, bodyAt))
        a = nil
      end
    end
  end
  if not a then ${found} = ${undone} end
  ${places} = ${found}
  size = size + ${replied.length}
end
return pack('<d' .. string.rep('d', size), now, unpack(states))
`;
}

/**
 * Scripts for the batches that nearly all are: every step is one limit of the same policy and `consume`s of one cost that can be admitted. They keep
 * the records of {@link decideScript} and come to the same answers, held to core's `decideStep` by the same test, at a third of its cost.
 *
 * - KEYS: the record of each step, at most 512, all under one hash tag when on a cluster.
 * - ARGV: the text of {@link takeParameters}; with a cost of 0 in it, a text of `<cost>*<times>;` for each step.
 * - Reply: little-endian doubles. The server's clock, epoch µs; then each step's state at that clock, before the step, from which the caller works out
 *   the answers: the level of a token bucket; count and start of a fixed window.
 *
 * A step that this cannot decide (a block, parameters that changed, a clock that stepped back, a value that is not ours, a write that Redis refused) is
 * left undone and is not a number in the reply: it is for `decideScript`.
 */
export const takeScripts: { readonly tokenBucket: string; readonly fixedWindow: string } = {
  tokenBucket: takeScript(tokenBucketParts),
  fixedWindow: takeScript(fixedWindowParts),
};
