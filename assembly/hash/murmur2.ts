/*
 * MurmurHash2 as Kafka's default partitioner has it (org.apache.kafka.common.utils.Utils.murmur2): 32 bits, seed
 * 0x9747b28c. A record's partition is (hash & 0x7fffffff) mod partitions.
 */

const SEED: u32 = 0x9747b28c
const M: u32 = 0x5bd1e995

export function kafkaMurmur2(pointer: usize, length: usize): u32 {
  let hash = SEED ^ <u32>length
  while (length >= 4) {
    let word = load<u32>(pointer) * M
    word = (word ^ (word >> 24)) * M
    hash = (hash * M) ^ word
    pointer += 4
    length -= 4
  }
  if (length > 0) {
    if (length == 3) hash ^= <u32>load<u8>(pointer, 2) << 16
    if (length >= 2) hash ^= <u32>load<u8>(pointer, 1) << 8
    hash = (hash ^ <u32>load<u8>(pointer)) * M
  }
  hash = (hash ^ (hash >> 13)) * M
  return hash ^ (hash >> 15)
}
