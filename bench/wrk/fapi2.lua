-- A FAPI 2 flow, or one of its steps, until the prepared material in SEEDS is used up. What needs a signature was
-- signed before. STEP: flow, par, authorize, token, userinfo. OUT: what the step gives for the next one.
dofile(os.getenv("WRK_DIR") .. "/report.lua")
local ffi = require("ffi")
ffi.cdef "int getpid(void); int kill(int, int);"

local step, seeds = os.getenv("STEP"), lines(os.getenv("SEEDS"))
local paths = { par = os.getenv("PAR"), authorize = os.getenv("AUTHORIZE"), token = os.getenv("TOKEN"), userinfo = os.getenv("USERINFO") }
local par_body, token_body, assertion_type = os.getenv("PAR_BODY"), os.getenv("TOKEN_BODY"),
  "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="
local cookies, next_cookie = lines(os.getenv("COOKIES")), 0
local out = os.getenv("OUT") and io.open(os.getenv("OUT"), "w")

local function fields(line)
  local all = {}
  for field in line:gmatch("[^\t]+") do all[#all + 1] = field end
  return all
end

local function post(path, body, assertion, proof)
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["DPoP"] = proof }
  return wrk.format("POST", path, headers, body .. assertion_type .. assertion)
end

local send = {
  par = function(key, assertion, proof)
    return post(paths.par, par_body .. "&state=" .. key .. "&nonce=" .. key, assertion, proof)
  end,
  authorize = function(request_uri)
    next_cookie = next_cookie % #cookies + 1
    return wrk.format("GET", paths.authorize .. "&request_uri=" .. request_uri, { Cookie = cookies[next_cookie] })
  end,
  token = function(code, assertion, proof)
    return post(paths.token, token_body .. "&code=" .. code, assertion, proof)
  end,
  userinfo = function(access_token, proof)
    return wrk.format("GET", paths.userinfo, { ["Authorization"] = "DPoP " .. access_token, ["DPoP"] = proof })
  end,
}

-- In a flow: requests that answers have made ready come before new flows. State and nonce of a request are the number
-- of its DPoP key: so a code finds a proof by the same key, and whoever reads the ID token knows the key of the tokens.
local ready, first, last, started, ended, reserved = {}, 1, 0, 0, 0, 0
local for_token, shown = {}, false

function delay() -- a connection that has nothing to send is put to sleep
  if last - first + 1 + #seeds - started > reserved then
    reserved = reserved + 1
    return 0
  end
  return 60000
end

function request()
  if not shown then -- wrk looks at one request before it begins
    shown = true
    return wrk.format("GET", "/")
  end
  reserved = reserved - 1
  if first <= last then
    local text = ready[first]
    ready[first], first = nil, first + 1
    return text
  end
  started = started + 1
  local given = fields(seeds[started])
  if step ~= "flow" then return send[step](unpack(given)) end
  local key = given[1]
  for_token[key] = for_token[key] or {}
  table.insert(for_token[key], { given[4], given[5] })
  return send.par(key, given[2], given[3])
end

local function enqueue(text) last = last + 1; ready[last] = text end

local function finish(result)
  ended = ended + 1
  if out and result then out:write(result, "\n") end
  if ended < #seeds then return end
  if out then out:close() end
  wrk.thread:stop()
  ffi.C.kill(ffi.C.getpid(), 2) -- the main thread sleeps until the run is over
end

function response(status, headers, body)
  local location = headers["Location"] or headers["location"]
  local function member(name) return body:match('"' .. name .. '"%s*:%s*"([^"]+)"') end
  local function parameter(name) return location and location:match("[?&]" .. name .. "=([^&]+)") end
  local request_uri, token, code, state = member("request_uri"), member("access_token"), parameter("code"), parameter("state")
  if step == "userinfo" and status == 200 then finish("answered")
  elseif token then finish(token .. "\t" .. member("id_token"))
  elseif code and step == "flow" then
    local prepared = table.remove(for_token[state])
    enqueue(send.token(code, prepared[1], prepared[2]))
  elseif code then finish(state .. "\t" .. code)
  elseif request_uri and step == "flow" then enqueue(send.authorize(request_uri))
  elseif request_uri then finish(request_uri)
  else
    refuse(status, location or body)
    finish(nil)
  end
end
