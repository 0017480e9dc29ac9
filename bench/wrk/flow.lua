-- The code flow of people who are signed in: GET the authorization endpoint, POST the code. Two requests a flow.
dofile(os.getenv("WRK_DIR") .. "/report.lua")
local cookies, next_cookie = lines(os.getenv("SEEDS")), 0
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["Authorization"] = "Basic " .. os.getenv("BASIC") }
local authorize, token, tail = os.getenv("AUTHORIZE"), os.getenv("TOKEN"), os.getenv("TAIL")
local codes, first, last = {}, 1, 0

function request()
  if first <= last then
    local code = codes[first]
    codes[first], first = nil, first + 1
    return wrk.format("POST", token, headers, "grant_type=authorization_code&code=" .. code .. tail)
  end
  next_cookie = next_cookie % #cookies + 1
  return wrk.format("GET", authorize, { Cookie = cookies[next_cookie] })
end

function response(status, answered, body)
  local location = answered["Location"] or answered["location"]
  if not location then check(status, body) return end
  local code = location:match("[?&]code=([^&]+)")
  if code then last = last + 1; codes[last] = code else refuse(status, location) end
end
