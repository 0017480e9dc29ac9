-- What wrk measured, as one JSON line, and how answers are looked at; read by bench/measure.py. EXPECTED is a pattern
-- that a right answer has in it. Some of the right ones go to the file KEPT, the first wrong ones to WRONG.
wrong = 0
local right, kept, shown = 0, {}, nil
local expected = os.getenv("EXPECTED")

local function note(name, text)
  local path = os.getenv(name)
  if not path then return end
  kept[name] = kept[name] or io.open(path, "a")
  kept[name]:write((text:gsub("%s*\n%s*", " ")), "\n")
  kept[name]:flush()
end

function check(status, body)
  if status == 200 and body:find(expected) then
    right = right + 1
    if right % 1000 == 1 and right < 10000 then note("KEPT", body) end
    return true
  end
  refuse(status, body)
  return false
end

function refuse(status, text)
  wrong = wrong + 1
  if wrong <= 3 then note("WRONG", status .. " " .. text:sub(1, 300)) end
end

function setup(thread) shown = thread end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('JSON{"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"errors":%d,"wrong":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, shown:get("wrong")))
end

function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end
