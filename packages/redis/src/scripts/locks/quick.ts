/**
 * Lua part: taking a lock that nobody holds or waits for, and giving back one that nobody waits for, without taking its record apart. Each function
 * answers as `run.a` and `run.r` would, or not at all when the case is not that simple; they know the plain form of a record that `record.ts` describes.
 */
export const lockQuickLua: string = /* lua */ `
local nowText, nobody = format('%016d', now), string.rep('0', 16)
local templates

-- What acquires of one batch have in common, with what is written of it into a record and for how long.
local function templateOf(number)
  templates = templates or cjson.decode(ARGV[5])
  local template = templates[number]
  if not template.text then
    local owner, session, mode, permits, metadata, ttlMs = unpack(template)
    template.text = holderText(session, mode, permits, owner, metadata, inbox)
    template.untilUs = now + ttlMs * 1000
    template.untilText = format('%016d', template.untilUs)
    template.keepMs = format('%d', fenceTtlMs + ttlMs)
  end
  return template
end

local function quickAcquire(place, template, leaseId)
  local raw, key, first, firstText, lastText = raws[place], KEYS[place], now, nowText, nowText
  if not template.text or written[key] then return end
  if raw then
    if sub(raw, 1, 5) ~= 'hgl2 ' or sub(raw, 6, 21) > nowText or string.byte(raw, -1) ~= 0 then return end
    local fence = tonumber(sub(raw, 22, 37))
    if fence >= now then
      first = fence + 1
      firstText = format('%d', first)
    end
  end
  local last = first + template[7] - 1
  if last ~= now then lastText = format('%016d', last) end
  local record = 'hgl2 ' .. template.untilText .. lastText .. nowText .. template.text .. firstText .. ':' .. leaseId .. '\\0'
  local set
  if raw then
    set = redis.pcall('SET', key, record, 'PX', template.keepMs)
  else
    -- A value of another type was not seen above.
    set = redis.pcall('SET', key, record, 'PX', template.keepMs, 'NX')
  end
  if not set or set.err then return end
  written[key] = true
  index(key, 'h', template.untilUs)
  if template[2] then index(key, 's:' .. template[2], template.untilUs) end
  return { 1, first, last }
end

-- \`lease\` is the first token and the lease id, as the plain record ends with them.
local function quickRelease(place, lease)
  local raw, key = raws[place], KEYS[place]
  if not raw or written[key] or sub(raw, 1, 5) ~= 'hgl2 ' or sub(raw, 6, 21) <= nowText then return end
  if sub(raw, 59 + tonumber(sub(raw, 54, 58)), -2) ~= lease then return end
  local set = redis.pcall('SETRANGE', key, '5', nobody)
  if type(set) == 'table' then return end
  written[key] = true
  index(key, 'h', 0)
  local _, session = cmsgpack.unpack_one(raw, 58)
  if session then index(key, 's:' .. session, 0) end
  return { 1 }
end
`;
