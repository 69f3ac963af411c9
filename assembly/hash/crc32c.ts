/*
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4), reflected polynomial 0x82f63b78: slicing by eight (Kounavis and
 * Berry, "A systematic approach to building high performance software-based CRC generators", 2005). The tables are
 * made at the first call.
 */

const POLYNOMIAL: u32 = 0x82f63b78
const TABLE_BYTES: usize = 1024
/** Eight tables of 256 words. A static segment, no region: plain stores. */
const tables: usize = memory.data(8192, 64)
let ready = false

function makeTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0)
    store<u32>(tables + (<usize>byte << 2), crc)
  }
  for (let table: usize = 1; table < 8; table++) {
    const own = tables + table * TABLE_BYTES
    for (let byte: usize = 0; byte < 256; byte++) {
      const before = load<u32>(own - TABLE_BYTES + (byte << 2))
      store<u32>(own + (byte << 2), (before >> 8) ^ load<u32>(tables + (<usize>(before & 255) << 2)))
    }
  }
  ready = true
}

// @ts-ignore: decorator
@inline
function at(table: usize, byte: u32): u32 {
  return load<u32>(tables + table * TABLE_BYTES + (<usize>(byte & 255) << 2))
}

/** CRC-32C of `length` bytes at `pointer`, going on from the CRC `before` of what stands ahead of them (0 at first). */
export function crc32c(pointer: usize, length: usize, before: u32): u32 {
  if (!ready) makeTables()
  let crc = ~before
  while (length >= 8) {
    const low = crc ^ load<u32>(pointer)
    const high = load<u32>(pointer, 4)
    crc =
      at(7, low) ^ at(6, low >> 8) ^ at(5, low >> 16) ^ at(4, low >> 24) ^
      at(3, high) ^ at(2, high >> 8) ^ at(1, high >> 16) ^ at(0, high >> 24)
    pointer += 8
    length -= 8
  }
  while (length > 0) {
    crc = (crc >> 8) ^ at(0, crc ^ <u32>load<u8>(pointer))
    pointer++
    length--
  }
  return ~crc
}
