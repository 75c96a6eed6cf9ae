import Foundation
import TestSupport
import Testing

import Carina

@Suite("Offline runs of Weights & Biases") struct WandbTests {
  private let golden: JSONValue

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/training/wandb-records", withExtension: "json"))
    golden = try JSONValue.parse(Data(contentsOf: url), source: "golden")
  }

  private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
  }

  @Test("records are those of wandb's protobufs")
  func records() throws {
    let run = try WandbRecord.run(
      2, id: "0a1b2c3d", project: "chest", name: "stage2",
      config: JSONObject([("seed", "5"), ("settings", ["batch_size": 2])]), start: 1_764_140_000.25)
    #expect(hexadecimal(run) == golden["run"]?.string)
    let values = JSONObject([("train/loss", .number(2.5)), ("_step", 70000)])
    #expect(try hexadecimal(WandbRecord.history(4, step: 70000, values: values)) == golden["history"]?.string)
    #expect(try hexadecimal(WandbRecord.summary(5, values: values)) == golden["summary"]?.string)
    #expect(hexadecimal(WandbRecord.file(3, path: "wandb-metadata.json")) == golden["files"]?.string)
    for (name, code) in [("done", 0), ("stopped", 75)] {
      let exit = WandbRecord.exit(6, code: code, seconds: 12.9)
      // A zero is left out there, as proto3 leaves it out.
      #expect(hexadecimal(exit) == golden["exit"]?[name]?.string, "\(name)")
    }
  }

  @Test("frames are those of wandb's own writer, over the ends of blocks too")
  func frames() throws {
    let frames = try #require(golden["frames"])
    var log = WandbRecordLog(), bytes = log.header
    for (number, length) in try #require(frames["lengths"]?.array).compactMap(\.int).enumerated() {
      bytes += log.frames((0..<length).map { UInt8((number * 31 + $0) % 251) })
    }
    #expect(bytes.count == frames["bytes"]?.int)
    #expect(hexadecimal(bytes.prefix(19)) == frames["beginning"]?.string)
    #expect(SHA256Digest.of(bytes) == frames["sha256"]?.string)
  }

  @Test("a run that goes on keeps its id, has every step once and ends with its exit; an old upload's mark goes")
  func resuming() throws {
    let run = try TinyRun()
    run.settings.wandbProject = "chest"
    run.settings.saveEverySteps = 3
    run.stopsAfter = 4
    #expect(throws: CarinaError.self) { try run.run() }
    let name = try directory(of: run), id = try #require(name.split(separator: "-").last)
    let file = "wandb/\(name)/run-\(id).wandb"
    #expect(try kinds(file, of: run) == [21, 17, 6] + steps(4) + [18])
    try AtomicFile.write("", to: run.file("\(file).synced"))
    run.stopsAfter = nil
    try run.run()
    #expect(try directory(of: run) == name && !run.has("\(file).synced"))
    #expect(try kinds(file, of: run) == [21, 17, 6] + steps(TinyRun.stepCount) + [18])
    let summary = try JSONValue.parseFile(run.file("wandb/\(name)/files/wandb-summary.json"))
    #expect(summary["_step"]?.int == TinyRun.stepCount && summary["train/loss"]?.double != nil)
    let config = try String(contentsOfFile: run.file("wandb/\(name)/files/config.yaml"), encoding: .utf8)
    #expect(config.hasPrefix("\"settings\":\n    value: {"))
    #expect(run.has("wandb/\(name)/files/wandb-metadata.json"))
    // It decides nothing.
    let plain = try TinyRun()
    plain.settings.saveEverySteps = 3
    #expect(try plain.run() == .finished(steps: TinyRun.stepCount))
    run.expectSame(plain)
  }

  @Test("a project's name that Weights & Biases would refuse is refused", arguments: ["", "a/b", "a:b", "100%"])
  func names(project: String) throws {
    var settings = TrainingSettings()
    settings.wandbProject = project
    let error = try #require(thrownCarinaError { try settings.validate() })
    #expect(error.kind == .usage && error.description.contains("wandb_project"), "\(error)")
  }

  private func steps(_ count: Int) -> [Int] { (0..<count).flatMap { _ in [2, 3] } }

  private func directory(of run: TinyRun) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: run.file("wandb"))
    #expect(names.count == 1 && names[0].hasPrefix("offline-run-"))
    return try #require(names.first)
  }

  /// The kinds of a file's records, each checked against its sum; the numbers must rise from 1.
  private func kinds(_ name: String, of run: TinyRun) throws -> [Int] {
    let bytes = [UInt8](try #require(run.bytes(name)))
    #expect(Array(bytes.prefix(7)) == [0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0])
    var offset = 7, record: [UInt8] = [], kinds: [Int] = []
    while offset < bytes.count {
      let room = 32768 - offset % 32768
      if room < 7 {
        offset += room
        continue
      }
      let length = Int(bytes[offset + 4]) | Int(bytes[offset + 5]) << 8,
        checked = bytes[offset + 6..<offset + 7 + length]
      let sum = bytes[offset..<offset + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      #expect(Array(checked).withUnsafeBytes { CRC32.of($0) } == sum)
      record += checked.dropFirst()
      offset += 7 + length
      guard [1, 4].contains(checked.first) else { continue }
      // Field 1 is the number; these have fewer than 128 records.
      #expect(record[0] == 8 && Int(record[1]) == kinds.count + 1)
      let key = record[2] < 128 ? Int(record[2]) : Int(record[2] & 127) | Int(record[3]) << 7
      kinds.append(key >> 3)
      record = []
    }
    return kinds
  }
}
