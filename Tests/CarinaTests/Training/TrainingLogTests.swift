import Foundation
import TestSupport
import Testing

import Carina

@Suite("Training log") struct TrainingLogTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func report(_ step: Int) -> StepReport {
    StepReport(
      step: step, epoch: step / 4, loss: 1 / Double(step), gradientNorm: 0.1 + Double(step), learningRate: 1e-5,
      supervisedTokens: 7 * step, seconds: 0.1234567891, dataWaitMilliseconds: 1.23456789)
  }

  private var text: String {
    String(
      decoding: FileManager.default.contents(atPath: directory.file(TrainingLog.fileName)) ?? Data(), as: UTF8.self)
  }

  @Test("a step is one line with its numbers in full, on the disk at once")
  func lines() throws {
    let log = try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
    try log.append(report(3))
    #expect(text.hasSuffix("}\n") && text.filter { $0 == "\n" }.count == 1)
    let line = try JSONValue.parse(text, source: "log")
    #expect(
      line.object?.keys == [
        "step", "epoch", "loss", "learning_rate", "grad_norm", "supervised_tokens", "seconds", "data_wait_ms",
      ])
    #expect(line["step"]?.int == 3 && line["epoch"]?.int == 0 && line["supervised_tokens"]?.int == 21)
    #expect(line["loss"]?.double == 1.0 / 3 && line["grad_norm"]?.double == 0.1 + 3)
    #expect(line["learning_rate"]?.double == 1e-5)
    #expect(line["seconds"]?.double == 0.123457 && line["data_wait_ms"]?.double == 1.235)
    #expect(log.lineCount == 1 && log.byteCount == text.utf8.count)
    var closing = report(4)
    closing.validationLoss = 0.75
    try log.append(closing)
    #expect(try LossCurve.read(log.path, name: "run").validationLosses == [0.75])
  }

  @Test("while one run writes the log another is turned away, and the log stays as it is")
  func oneWriter() throws {
    let log = try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
    try log.append(report(1))
    let refusal = #expect(throws: CarinaError.self) {
      try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
    }
    #expect(refusal?.kind == .usage && refusal?.remedy?.contains("output_dir") == true)
    try log.append(report(2))
    #expect(text.filter { $0 == "\n" }.count == 2)
  }

  @Test("what stands behind the checkpoint is cut off, a torn line included, and the log goes on there")
  func truncation() throws {
    func written() throws -> (path: String, lines: Int, bytes: Int, kept: String) {
      let first = try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
      for step in 1...2 { try first.append(report(step)) }
      let (lines, bytes, kept) = (first.lineCount, first.byteCount, text)
      for step in 3...5 { try first.append(report(step)) }
      return (first.path, lines, bytes, kept)
    }
    let (path, lines, bytes, kept) = try written()
    let whole = text
    try Data(whole.utf8.dropLast(20)).write(to: URL(fileURLWithPath: path))
    do {
      let again = try TrainingLog(directory: directory.path, lineCount: lines, byteCount: bytes)
      #expect(text == kept)
      for step in 3...5 { try again.append(report(step)) }
      #expect(text == whole && again.lineCount == 5 && again.byteCount == whole.utf8.count)
    }
    _ = try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
    #expect(text.isEmpty)
  }

  @Test("a log that lost lines is refused, and so is a path where none can be")
  func refusals() throws {
    func kind(_ path: String, _ bytes: Int) -> CarinaError.Kind? {
      do {
        _ = try TrainingLog(directory: path, lineCount: 1, byteCount: bytes)
        return nil
      } catch { return (error as? CarinaError)?.kind }
    }
    for other in ["12345", "1\n34\n"] {
      try AtomicFile.write(other, to: directory.file(TrainingLog.fileName))
      for bytes in [6, .max, 5] { #expect(kind(directory.path, bytes) == .badData) }
      #expect(text == other)
    }
    try AtomicFile.write("1234\n", to: directory.file(TrainingLog.fileName))
    #expect(kind(directory.path, 5) == nil)
    #expect(kind("/proc/run", 0) == .cannotWrite)
    #expect(kind(directory.file(TrainingLog.fileName), 0) == .cannotWrite)
  }
}
