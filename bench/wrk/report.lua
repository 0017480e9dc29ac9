-- What wrk measured, as one JSON line; read by bench/http.py.
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('JSON{"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end

function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end
