import Carina
import Testing

@Suite("Memory, where a run's tensors lie") struct MemoryRoomTests {
  @Test("on a card what is free there counts, and the limit is on that")
  func card() {
    let free = 3 << 30
    let plain = MemoryRoom(limit: nil, freeDeviceByteCount: free)
    #expect(plain.base == 0 && plain.available == free && !plain.holdsShards)
    #expect(MemoryRoom(limit: 2, freeDeviceByteCount: free).available == 2 << 30)
    #expect(MemoryRoom(limit: 80, freeDeviceByteCount: free).available == free)
  }

  @Test("in the host's memory the process is part of the limit")
  func host() {
    let room = MemoryRoom(limit: 64, freeDeviceByteCount: nil)
    #expect(room.base > 0 && room.available == (64 << 30) - room.base && room.holdsShards)
    #expect(MemoryRoom(limit: nil, freeDeviceByteCount: nil).available ?? 1 > 0)
  }
}
