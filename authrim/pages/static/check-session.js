// OpenID Connect Session Management 1.0 §3.2: whether the browser's state is still the one that a client was told of.
//
// Plain JavaScript without the browser's own cryptography, which simple browsers lack and which is asynchronous.
(function () {
  "use strict";

  // FIPS 180-4 §4.2.2 and §5.3.3: fractional parts of the cube roots and square roots of the first primes.
  var K = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ];
  var H = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
  ];
  var DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // A message is two names and a hash; what is longer is none.
  var LONGEST = 4096;

  function utf8(text) {
    var escaped = unescape(encodeURIComponent(text));
    var bytes = [];
    for (var i = 0; i < escaped.length; i++) {
      bytes.push(escaped.charCodeAt(i));
    }
    return bytes;
  }

  // FIPS 180-4 §5.1.1: a one, zeros, and the length in bits as 64 bits.
  function padded(bytes) {
    var whole = bytes.concat([0x80]);
    while (whole.length % 64 !== 56) {
      whole.push(0);
    }
    whole.push(0, 0, 0);
    for (var shift = 29; shift >= -3; shift -= 8) {
      whole.push((shift < 0 ? bytes.length << 3 : bytes.length >>> shift) & 0xff);
    }
    return whole;
  }

  function rotated(word, by) {
    return (word >>> by) | (word << (32 - by));
  }

  // FIPS 180-4 §6.2.2.
  function compress(hash, block, offset) {
    var w = [];
    var i;
    for (i = 0; i < 16; i++) {
      var at = offset + 4 * i;
      w[i] = (block[at] << 24) | (block[at + 1] << 16) | (block[at + 2] << 8) | block[at + 3];
    }
    for (i = 16; i < 64; i++) {
      var s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      var s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    var v = hash.slice();
    for (i = 0; i < 64; i++) {
      var big1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
      var choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      var t1 = (v[7] + big1 + choice + K[i] + w[i]) | 0;
      var big0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
      var majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      v = [(t1 + big0 + majority) | 0, v[0], v[1], v[2], (v[3] + t1) | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i++) {
      hash[i] = (hash[i] + v[i]) | 0;
    }
  }

  function sha256(text) {
    var bytes = padded(utf8(text));
    var hash = H.slice();
    for (var offset = 0; offset < bytes.length; offset += 64) {
      compress(hash, bytes, offset);
    }
    var digest = [];
    for (var i = 0; i < 32; i++) {
      digest.push((hash[i >> 2] >>> (24 - 8 * (i % 4))) & 0xff);
    }
    return digest;
  }

  // RFC 4648 §5, without padding.
  function base64url(bytes) {
    var text = "";
    for (var i = 0; i < bytes.length; i += 3) {
      var word = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      for (var digit = 0; digit < 4 && i + digit <= bytes.length; digit++) {
        text += DIGITS.charAt((word >>> (18 - 6 * digit)) & 63);
      }
    }
    return text;
  }

  function browserState() {
    var name = document.body.getAttribute("data-cookie") + "=";
    var cookies = document.cookie.split("; ");
    for (var i = 0; i < cookies.length; i++) {
      if (cookies[i].indexOf(name) === 0) {
        return cookies[i].substring(name.length);
      }
    }
    return "";
  }

  // The message is the client's id, a space, and the session_state: a hash, a dot, and a salt.
  function answerTo(message, origin) {
    if (typeof message !== "string" || message.length > LONGEST) {
      return "error";
    }
    var space = message.lastIndexOf(" ");
    var told = message.substring(space + 1).split(".");
    if (space < 1 || told.length !== 2 || !told[0] || !told[1]) {
      return "error";
    }
    var said = [message.substring(0, space), origin, browserState(), told[1]].join(" ");
    try {
      return base64url(sha256(said)) === told[0] ? "unchanged" : "changed";
    } catch (notText) {
      return "error";
    }
  }

  window.addEventListener("message", function (event) {
    // Without an origin there is nobody to answer (A194).
    if (!event.source || !event.origin || event.origin === "null") {
      return;
    }
    event.source.postMessage(answerTo(event.data, event.origin), event.origin);
  }, false);
}());
