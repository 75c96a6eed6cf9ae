import Foundation
import TestSupport
import Testing

import Carina

@Suite struct TrainingRunSavingTests {
  private let run: TinyRun

  init() throws { run = try TinyRun() }

  @Test("a checkpoint is written whenever the time has passed, and the weights do not depend on it")
  func clock() throws {
    run.settings.saveEvery = .seconds(10)
    run.secondsPerStep = 4
    try run.run()
    // After steps 3, 6 and 9, each seen one step later; and at the end.
    let seen = [3: ["step-3"], 6: ["step-3", "step-6"], 9: ["step-6", "step-9"]]
    var expected: [String] = []
    for step in 1...TinyRun.stepCount {
      #expect(run.checkpointsSeen[step - 1] == expected, "after step \(step)")
      expected = seen[step] ?? expected
    }
    #expect(run.checkpoints == ["step-9", "step-12"])
    let never = try TinyRun()
    #expect(try never.run() == .finished(steps: TinyRun.stepCount))
    #expect(never.checkpointsSeen.allSatisfy(\.isEmpty) && never.checkpoints == ["step-12"])
    run.expectSame(never)
    // Another interval is no other run.
    run.settings.saveEvery = .seconds(3600)
    #expect(try run.run() == .alreadyFinished)
  }

  @Test("a clock that is set back delays nothing and hastens nothing but saves")
  func clockSetBack() throws {
    run.settings.saveEvery = .seconds(1)
    run.secondsPerStep = -3600
    try run.run()
    #expect(run.checkpoints == ["step-12"])
  }

  @Test("a checkpoint lies there before a model is written, and the model of its step is written after a death there")
  func beforeModels() throws {
    run.validationLosses = [6: 0.5, 12: 0.9]
    let smooth = try run.smooth()
    #expect(smooth.checkpoints == ["step-6", "step-12"])
    run.failsToWrite = "best_model"
    #expect(try run.failure().kind == .cannotWrite)
    #expect(run.checkpoints == ["step-6"] && !run.has("best_model"))
    run.failsToWrite = "final_model"
    #expect(try run.failure().kind == .cannotWrite)
    #expect(run.checkpoints == ["step-6", "step-12"] && run.checkpointsSeen.count == 6)
    run.failsToWrite = nil
    try run.run()
    #expect(run.checkpointsSeen.isEmpty)
    run.expectSame(smooth)
    #expect(run.bytes("train_log.jsonl").map { $0.count { $0 == 10 } } == 12)
  }

  @Test("a disk that is too small for the run is refused before the first step, with nothing written")
  func forecast() throws {
    run.space = { _ in DiskSpace(byteCount: 50_000, fileCount: nil) }
    let error = try run.failure()
    #expect(error.kind == .cannotWrite && error.found == MemoryForecast.text(50_000), "\(error)")
    for words in ["the run", "checkpoints", "final model", "output_dir", run.path] {
      #expect(error.description.contains(words), "\(error)")
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
    run.space = { _ in DiskSpace(byteCount: nil, fileCount: 9) }
    #expect(try run.failure().description.contains("out of inodes"))
    #expect(!FileManager.default.fileExists(atPath: run.path))
    run.space = { _ in DiskSpace(byteCount: 500_000, fileCount: 500) }
    try run.run()
  }

  @Test("the forecast is no less than what is written, and less than a MiB more")
  func forecastSize() throws {
    var largest = 0
    run.settings.saveEverySteps = 1
    run.validationLosses = [6: 0.9, 12: 0.5]
    run.checkInputs = { [run] _ in
      let files = (try? FileManager.default.subpathsOfDirectory(atPath: run.path)) ?? []
      largest = max(
        largest,
        files.reduce(0) { sum, name in
          var status = stat()
          return stat(run.file(name), &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        })
    }
    let needed = try { () -> Int in
      run.space = { _ in DiskSpace(byteCount: 0, fileCount: nil) }
      let error = try run.failure()
      run.space = { _ in DiskSpace(byteCount: nil, fileCount: nil) }
      let number = try #require(error.expected?.split(separator: " ").first.flatMap { Double($0) })
      return Int(number * 1024)
    }()
    try run.run()
    #expect(largest > 50_000 && needed >= largest && needed < largest + 1 << 20, "\(needed), \(largest)")
  }

  @Test("a save that will not fit is not begun: the checkpoint before stays, and the run goes on when there is room")
  func fullDisk() throws {
    run.settings.saveEverySteps = 2
    let smooth = try run.smooth()
    run.space = { DiskSpace(byteCount: $0 < 7 ? 1 << 30 : 1000, fileCount: nil) }
    let error = try run.failure()
    #expect(error.kind == .cannotWrite && error.what.contains("the checkpoint of step 8"), "\(error)")
    #expect(run.checkpoints == ["step-4", "step-6"])
    run.space = { DiskSpace(byteCount: 1 << 30, fileCount: $0 < 12 ? 500 : 0) }
    #expect(try run.failure().description.contains("out of inodes"))
    #expect(run.checkpoints == ["step-8", "step-10"] && run.checkpointsSeen.count == 6)
    run.space = { _ in DiskSpace(byteCount: 1 << 30, fileCount: 500) }
    try run.run()
    run.expectSame(smooth)
  }

  @Test("inputs that changed end the run at its next save, and the checkpoint before stays")
  func changedInputs() throws {
    run.settings.saveEverySteps = 3
    run.checkInputs = { if $0 > 5 { throw CarinaError(.badData, "other weights") } }
    #expect(try run.failure().what == "other weights")
    #expect(run.checkpoints == ["step-3"] && run.checkpointsSeen.count == 6)
  }
}
