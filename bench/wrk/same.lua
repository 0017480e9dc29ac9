-- The same request again and again: METHOD, BASIC and BODY come from the environment.
dofile(os.getenv("WRK_DIR") .. "/report.lua")
wrk.method = os.getenv("METHOD") or "POST"
if os.getenv("BODY") then
  wrk.body = os.getenv("BODY")
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end
if os.getenv("BASIC") then wrk.headers["Authorization"] = "Basic " .. os.getenv("BASIC") end

function response(status, _, body) check(status, body) end
