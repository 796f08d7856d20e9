/**
 * Lua part: taking a lock that nobody holds or waits for, and giving back one that nobody waits for, without taking its record apart. Each function
 * answers as `run.a` and `run.r` would, or not at all when the case is not that simple; they rely on the layout that `record.ts` describes:
 * `hgl1 `, fence, mode and permits, and then three lists, of which an empty one is the byte 144, one with one entry begins with 145, and a holder with 154.
 */
export const lockQuickLua: string = /* lua */ `
local pack, unpackOne, unpackSome = cmsgpack.pack, cmsgpack.unpack_one, cmsgpack.unpack_limit

local function write(key, record, ttlMs)
  return not redis.pcall('SET', key, record, 'PX', ttlMs).err
end

local function quickAcquire(key, request)
  local raw, first = call('GET', key), now
  if raw then
    -- Any entry in a list makes the record longer.
    if #raw ~= 20 or sub(raw, 1, 5) ~= 'hgl1 ' or sub(raw, 18) ~= '\\144\\144\\144' then return end
    local _, fence = unpackOne(raw, 5)
    if fence >= now then first = fence + 1 end
  end
  local session, ttlMs = request[3], request[7]
  local last, untilUs = first + request[8] - 1, now + ttlMs * 1000
  local record = 'hgl1 ' .. pack(last, request[4], request[5]) .. '\\145\\154'
    .. pack(request[1], request[2], session, first, last, request[6], now, untilUs, inbox, first) .. '\\144\\144'
  if not write(key, record, ttlMs < fenceTtlMs and ARGV[3] or ttlMs + 1) then return end
  index(key, 'h', untilUs)
  if session then index(key, 's:' .. session, untilUs) end
  return { 1, first, last }
end

local function quickRelease(key, leaseId, token)
  local raw = call('GET', key)
  if not raw or sub(raw, 1, 5) ~= 'hgl1 ' or sub(raw, -2) ~= '\\144\\144' then return end
  local headEnd = unpackSome(raw, 3, 5)
  if sub(raw, headEnd + 1, headEnd + 2) ~= '\\145\\154' then return end
  local holderEnd, holder, _, session, first, _, _, _, untilUs = unpackSome(raw, 10, headEnd + 2)
  if holderEnd ~= #raw - 2 or holder ~= leaseId or first ~= token or untilUs <= now then return end
  if not write(key, sub(raw, 1, headEnd) .. '\\144\\144\\144', ARGV[3]) then return end
  index(key, 'h', 0)
  if session then index(key, 's:' .. session, 0) end
  return { 1 }
end
`;
