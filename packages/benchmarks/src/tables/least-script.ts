/** The prefix of a record: the policy's text, as Headgate keeps it. */
const head = 'hg1 t:default:500000:1:3600000000;\n';

/** One unit, of a bucket of 500,000 that refills one an hour, in the integers that {@link leastScript} counts in. */
const charge = 3_600_000_000;

/**
 * The least script that decides a token bucket exactly, for one key and one policy that is written into it: the server's clock, the record, the
 * arithmetic, state and time to live written, the level in the reply. What a limiter on Redis cannot do without, whoever sends it.
 */
export const leastScript: string = /* lua */ `
local call, ceil, key, head = redis.call, math.ceil, KEYS[1], '${head.replace('\n', '\\n')}'
local full, charge = ${500_000 * charge}, ${charge}
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local record = call('GET', key)
local level = full
if record then
  if #record ~= #head + 32 or string.find(record, head, 1, true) ~= 1 then return false end
  local lastUs, blocked, units, atUs = struct.unpack('<dddd', record, #head + 1)
  if blocked ~= 0 or lastUs > now then return false end
  level = units + math.min(full - units, now - atUs)
end
if level < charge then return struct.pack('<dd', now, level) end
local body = struct.pack('<dddd', now, 0, level - charge, now)
local expiresAtMs = string.format('%d', ceil((now + full - level + charge) / 1000))
if not record then call('SET', key, head .. body, 'PXAT', expiresAtMs)
else
  call('SETRANGE', key, '${head.length}', body)
  call('PEXPIREAT', key, expiresAtMs)
end
return struct.pack('<dd', now, level)
`;
