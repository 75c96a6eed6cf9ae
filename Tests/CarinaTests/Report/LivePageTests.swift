import Foundation
import TestSupport
import Testing

import Carina

@Suite struct LivePageTests {
  private func report(_ step: Int, seconds: Double) -> StepReport {
    StepReport(
      step: step, epoch: 0, loss: 1, gradientNorm: 1, learningRate: 1e-3, supervisedTokens: 5, seconds: seconds,
      dataWaitMilliseconds: 0)
  }

  @Test("a running page carries when it was written and after how long it is missed; one at the end does not")
  func silence() throws {
    let directory = try TemporaryDirectory()
    let log = try TrainingLog(directory: directory.path, lineCount: 0, byteCount: 0)
    var seconds = 0.0, remarks: [String] = []
    let page = LivePage(
      directory: directory.path, title: "train-stage2", facts: [], epochs: 1, pictures: { _ in [] },
      onRemark: { remarks.append($0) }, gnuplot: Gnuplot(searchPath: ""), clock: { seconds },
      secondsSince1970: { 1_800_000_000 + Int(seconds) })
    func html() throws -> String {
      try String(contentsOfFile: "\(directory.path)/\(LivePage.fileName)", encoding: .utf8)
    }

    try log.append(report(1, seconds: 0.5))
    page.show(report(1, seconds: 0.5), total: 3)
    #expect(try html().contains("data-written=\"1800000000000\" data-patience=\"120\" hidden></p>"))
    #expect(try html().contains("as of</dt><dd>08:00:00 UTC"))
    seconds = 60
    try log.append(report(2, seconds: 60))
    page.show(report(2, seconds: 60), total: 3)
    #expect(try html().contains("data-written=\"1800000060000\" data-patience=\"600\""))
    page.end(.finished)
    #expect(try !html().contains("<script>") && html().contains("Finished"))
    #expect(remarks.isEmpty)
  }
}
