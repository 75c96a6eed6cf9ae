import Foundation
import TestSupport
import Testing

import Carina

@Suite("TensorBoard events") struct TensorBoardTests {
  private func hexadecimal(_ data: Data) -> String { data.map { String(format: "%02x", $0) }.joined() }

  @Test("frames are those of TensorBoard's own writer")
  func frames() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Goldens/training/tensorboard-events", withExtension: "json"))
    let golden = try JSONValue.parse(Data(contentsOf: url), source: "golden")
    let version = try #require(golden["file_version"]), time = try #require(version["time"]?.double)
    #expect(hexadecimal(TensorBoardRecord(fileVersionAt: time).bytes) == version["frame"]?.string)
    let events = try #require(golden["events"]?.array)
    #expect(events.count == 2)
    for event in events {
      let scalars = try #require(event["scalars"]?.object).map { ($0.key, $0.value.double ?? .nan) }
      let record = TensorBoardRecord(
        step: try #require(event["step"]?.int), time: try #require(event["time"]?.double),
        scalars: scalars.map { (tag: $0.0, value: $0.1) })
      #expect(hexadecimal(record.bytes) == event["frame"]?.string)
    }
  }

  @Test("texts and pictures are those of PyTorch's SummaryWriter")
  func pictures() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Goldens/training/tensorboard-events", withExtension: "json"))
    let golden = try #require(JSONValue.parse(Data(contentsOf: url), source: "golden")["pictures"])
    let texts = try #require(golden["texts"]?.object).map { (tag: $0.key, text: $0.value.string ?? "") }
    let images = try #require(golden["images"]?.object).map { (tag: $0.key, png: bytes($0.value.string ?? "")) }
    #expect(images.count == 2)
    let record = TensorBoardRecord(
      step: try #require(golden["step"]?.int), time: try #require(golden["time"]?.double), texts: texts, images: images)
    #expect(hexadecimal(record.bytes) == golden["frame"]?.string)
  }

  private func bytes(_ text: String) -> Data {
    let digits = Array(text)
    return Data(stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 })
  }

  @Test("a run writes an event a step; one that goes on writes each step once, in one file")
  func run() throws {
    let run = try TinyRun()
    run.settings.writesTensorBoard = true
    run.settings.saveEverySteps = 3
    run.stopsAfter = 4
    #expect(throws: CarinaError.self) { try run.run() }
    #expect(try steps(of: run) == [0, 1, 2, 3, 4])
    run.stopsAfter = nil
    try run.run()
    #expect(try steps(of: run) == [0] + Array(1...TinyRun.stepCount))
  }

  /// The steps of a run's events, 0 for the one that a file begins with.
  private func steps(of run: TinyRun) throws -> [Int] {
    let names = try FileManager.default.contentsOfDirectory(atPath: run.file("tensorboard"))
    #expect(names.count == 1)
    let name = try #require(names.first)
    let bytes = [UInt8](try #require(run.bytes("tensorboard/\(name)")))
    var offset = 0, steps: [Int] = []
    while offset < bytes.count {
      let length = Int(bytes[offset])
      // Behind the length, its checksum and the time (9 bytes) stands the step, in one byte here.
      let event = bytes[offset + 12..<offset + 12 + length]
      steps.append(event[event.startIndex + 9] == 0x10 ? Int(event[event.startIndex + 10]) : 0)
      offset += length + 16
    }
    return steps
  }
}
