import { lockBeginLua } from './begin.js';
import { lockGrantLua } from './grant.js';
import { lockQuickLua } from './quick.js';
import { lockFormLua, lockRecordLua } from './record.js';

const operationsLua: string = /* lua */ `
local run = {}

function run.a(op)
  local lock = load(takePlace())
  local reply = attempt(lock, op[2])
  save(lock)
  return reply
end

function run.A(op)
  local locks, conflicts, retry = {}, {}, 0
  for i = 1, #op[2] do locks[i] = takePlace() end
  for i, request in ipairs(op[2]) do
    local lock = load(locks[i])
    locks[i] = lock
    serveQueue(lock)
    if not find(lock.holders, request[1]) and (#lock.queue > 0 or not admits(lock, request)) then
      conflicts[#conflicts + 1] = { i - 1, admits(lock, request) and {} or describe(lock.holders) }
      retry = max(retry, retryMs(lock))
    end
  end
  if #conflicts > 0 then
    for _, lock in ipairs(locks) do
      if lock.messages then save(lock) end
    end
    return { 0, retry, conflicts }
  end
  local tokens = {}
  for i, request in ipairs(op[2]) do
    local granted = attempt(locks[i], request)
    tokens[i] = { granted[2], granted[3] }
    save(locks[i])
  end
  return { 1, tokens }
end

function run.c(op)
  local lock = load(takePlace())
  local _, queued = find(lock.queue, op[2])
  local _, held = find(lock.holders, op[2])
  if queued then table.remove(lock.queue, queued) end
  if held then table.remove(lock.holders, held) end
  if queued or held then
    serveQueue(lock)
    save(lock)
  end
  return { 1 }
end

function run.e(op)
  local lock = load(takePlace())
  local holder = find(lock.holders, op[2])
  if not holder or holder[4] ~= op[3] then return { 0, whyGone(lock, op[2]) } end
  holder[8] = now + op[4] * 1000
  if op[5] then holder[2], holder[10], holder[6] = op[5][1], op[5][2], op[5][3] end
  serveQueue(lock)
  save(lock)
  return { 1 }
end

function run.r(op)
  local lock = load(takePlace())
  local holder, place = find(lock.holders, op[2])
  local reply = { 1, false, false }
  if holder and holder[4] == op[3] then
    table.remove(lock.holders, place)
  else
    reply[1], reply[2] = 0, whyGone(lock, op[2])
    if not op[4] then return reply end
  end
  serveQueue(lock)
  if op[4] then reply[3] = attempt(lock, op[4]) end
  save(lock)
  return reply
end

function run.i()
  local lock = load(takePlace())
  if #lock.holders == 0 then return { 0 } end
  return { 1, lock.mode, lock.permits, #lock.queue, lock.fence, describe(lock.holders) }
end

function run.f(op)
  local lock = load(takePlace())
  lock.fence = max(lock.fence + 1, now)
  local token, evicted = lock.fence, {}
  for place = #lock.holders, 1, -1 do
    if not op[2] or lock.holders[place][1] == op[2] then table.insert(evicted, 1, evict(lock, place, 'forced')) end
  end
  serveQueue(lock)
  save(lock)
  return { 1, token, describe(evicted) }
end

function run.s(op)
  local lock = load(takePlace())
  local count = 0
  for place = #lock.holders, 1, -1 do
    if lock.holders[place][3] == op[2] then
      evict(lock, place, 'session')
      count = count + 1
    end
  end
  if count > 0 then
    serveQueue(lock)
    save(lock)
  end
  return { 1, count }
end

return run
`;

const runLua: string = /* lua */ `
local replies, run = {}, nil
for i = 6, #ARGV do
  local text, op, ok, result = ARGV[i], nil, false, nil
  local code = sub(text, 1, 1)
  if code == 'a' then
    local template, leaseId = templateOf(string.byte(text, 2) - 47), sub(text, 3)
    ok, result = pcall(quickAcquire, place + 1, template, leaseId)
    if not ok or not result then op = { code, { leaseId, unpack(template) } } end
  elseif code == 'r' then
    ok, result = pcall(quickRelease, place + 1, sub(text, 2))
    if not ok or not result then
      local colon = seek(text, ':', 1, true)
      op = { code, sub(text, colon + 1), tonumber(sub(text, 2, colon - 1)), false }
    end
  else
    op = cjson.decode(text)
  end
  if op then
    run = run or operations()
    ok, result = pcall(run[op[1]], op)
  else
    place = place + 1
  end
  if ok then
    replies[#replies + 1] = result
  elseif type(result) ~= 'table' then
    replies[#replies + 1] = { -1, tostring(result) }
  else
    replies[#replies + 1] = { -1, result.version and 'RECORD ' .. result.version or result.err }
  end
end
-- Memory may be full, or permission missing: what was done stays done, and an index that misses a key is a list that does.
local indexed, why = pcall(writeIndexes)
if not indexed then replies[#replies + 1] = { -1, type(why) == 'table' and why.err or tostring(why) } end
return replies
`;

/**
 * Runs a batch of lock operations in order, each atomic and independent of the others.
 *
 * - KEYS: each operation's record in turn (`A` takes one per request), all under one hash tag when on a cluster. Beside a record the script writes only
 *   the indexes under the same tag: `h`, the keys that are held, and `s:<session>`, the keys that a session holds.
 * - ARGV: 1 how long a lease that was granted from the queue is given to confirm, ms; 2 how long a record outlives its leases, ms;
 *   3 `1` when all buckets share the indexes of bucket 0, which they do where a script may touch any slot;
 *   4 the channel on which this process is told of grants from the queue and of leases taken away; 5 templates of requests, as JSON; then the operations.
 * - The two most frequent operations are short: `a<n><leaseId>` (acquire by the template of which `n`, a character counted from `0`, is the number) and
 *   `r<token>:<leaseId>` (release). A template is a request without its lease id.
 * - All others are JSON: `["A", [request]]` (acquire all or none), `["c", leaseId]` (cancel a wait), `["e", leaseId, token, ttl ms,
 *   [owner, shown token, metadata|false]|false]` (extend), `["r", leaseId, token, request]` (release, then attempt), `["i"]` (inspect),
 *   `["f", leaseId|false]` (force), `["s", session]` (release what the session holds). A request is
 *   `[leaseId, owner, session|false, mode x|s|p, permits, metadata|false, ttl ms, tokens, waiter ttl ms|false]`.
 * - Reply: for each operation an array that begins with 1 (done), 0 (refused or gone) or -1 and an error's text; `lock-codec.ts` reads them. Behind them,
 *   when an index could not be written, one more of an error.
 *
 * Every operation can be repeated: a lease id that holds is granted its stored tokens again, what is gone is reported gone.
 */
export const lockScript: string = [
  lockBeginLua,
  lockFormLua,
  lockQuickLua,
  /* lua */ `
local place = 0
local function takePlace()
  place = place + 1
  return place
end

-- Everything beyond the quick ways, made when it is first needed.
local function operations()
`,
  lockRecordLua,
  lockGrantLua,
  operationsLua,
  'end\n',
  runLua,
].join('');
