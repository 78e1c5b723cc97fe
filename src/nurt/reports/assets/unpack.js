"use strict";

// What is packed is deflated; then four bytes are five digits of base 85.
const SIGNS = document.getElementById("library").dataset.signs;

function bytesOf(text) {
  const values = new Uint8Array(128);
  for (let digit = 0; digit < SIGNS.length; digit += 1) {
    values[SIGNS.charCodeAt(digit)] = digit;
  }
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  for (let read = 0, written = 0; read < text.length; read += 5) {
    let number = 0;
    for (let place = read; place < read + 5; place += 1) {
      // A last group that is short counts as filled with the highest digit.
      number = number * 85 + (place < text.length ? values[text.charCodeAt(place)] : 84);
    }
    for (let shift = 24; shift >= 0; shift -= 8, written += 1) {
      bytes[written] = number >>> shift;
    }
  }
  return bytes.subarray(0, Math.floor((text.length * 4) / 5));
}

function inflated(text) {
  return new Response(new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate")));
}

// Numbers in single precision: differences of their bits, the lowest bytes of all of them first.
async function numbersOf({ packed, shape }) {
  const bytes = new Uint8Array(await inflated(packed).arrayBuffer());
  const count = bytes.length / 4;
  const bits = new Uint32Array(count);
  let last = 0;
  for (let i = 0; i < count; i += 1) {
    const step = bytes[i] | (bytes[count + i] << 8) | (bytes[2 * count + i] << 16) | (bytes[3 * count + i] << 24);
    last = (last + step) >>> 0;
    bits[i] = last;
  }
  return inRows(new Float32Array(bits.buffer), shape);
}

// What numpy calls them, in base 64, as plotly writes arrays.
const KINDS = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
  f4: Float32Array, f8: Float64Array,
};

function arrayOf({ dtype, bdata, shape }) {
  const bytes = Uint8Array.from(atob(bdata), (sign) => sign.charCodeAt(0));
  return inRows(new KINDS[dtype](bytes.buffer), shape ? String(shape).split(",").map(Number) : []);
}

function inRows(numbers, [rows, columns]) {
  if (columns === undefined) {
    return numbers;
  }
  return Array.from({ length: rows }, (_, row) => numbers.subarray(row * columns, (row + 1) * columns));
}

// Arrays of a trace are typed ones, packed ones, or stand in an earlier trace.
async function drawingsOf(holder) {
  const packed = holder.type !== "application/json";
  const drawings = JSON.parse(packed ? await inflated(holder.textContent).text() : holder.textContent);
  for (const { data } of drawings) {
    for (const trace of data) {
      for (const [name, value] of Object.entries(trace)) {
        if (value?.bdata !== undefined) {
          trace[name] = arrayOf(value);
        } else if (value?.packed !== undefined) {
          trace[name] = await numbersOf(value);
          trace.rounded = true;
        } else if (value?.same !== undefined) {
          const [index, other] = value.same;
          trace[name] = data[index][other];
        }
      }
      for (const bars of [trace.error_x, trace.error_y].filter(Boolean)) {
        for (const name of ["array", "arrayminus"].filter((one) => bars[one]?.bdata !== undefined)) {
          bars[name] = arrayOf(bars[name]);
        }
      }
    }
  }
  return drawings;
}

async function loadLibrary() {
  const element = document.getElementById("library");
  const script = document.createElement("script");
  // As text of an element, which the policy of the page allows; evaluating a string it does not.
  script.textContent = await inflated(element.textContent).text();
  document.head.append(script);
  element.remove();
}
