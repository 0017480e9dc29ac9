-- Refreshing with rotation: each answer's refresh token joins the end of the queue.
dofile(os.getenv("WRK_DIR") .. "/report.lua")
local queue, first = lines(os.getenv("SEEDS")), 1
local last = #queue
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["Authorization"] = "Basic " .. os.getenv("BASIC") }

function request()
  local token = "none"
  if first <= last then token, queue[first], first = queue[first], nil, first + 1 end
  return wrk.format("POST", nil, headers, "grant_type=refresh_token&refresh_token=" .. token)
end

function response(status, _, body)
  local token = body:match('"refresh_token"%s*:%s*"([^"]+)"')
  if not token then refuse(status, body)
  elseif check(status, body) then last = last + 1; queue[last] = token end
end
