import Carina
import Foundation

/// A training run as a person watches it: lines of progress, the page of the run, and how it ended.
struct WatchedRun {
  /// What the engine tells while it trains.
  struct Watcher {
    let shouldStop: () -> Bool
    let onStep: (StepReport, _ total: Int) -> Void
    let onValidation: (ValidationReport) -> Void
  }

  /// The program, the run's directory, and its numbers.
  let program: String, directory: String, settings: TrainingSettings
  /// What stands in the head of the page; nil for no page.
  var pageFacts: [(name: String, value: String)]?
  /// The images of a held-out sample for the page, each a PNG file.
  var pictures: (Int) throws -> [Data] = { _ in [] }

  /// Trains; a request to stop is passed on.
  /// - Throws: what `train` throws.
  func run(_ train: (Watcher) throws -> TrainingOutcome) throws -> TrainingOutcome {
    Interruption.listen()
    let display = StepDisplay(program, epochs: settings.epochCount, every: settings.logEvery)
    let page = pageFacts.map { facts in
      LivePage(
        directory: directory, title: program,
        facts: (facts + [("directory", directory)]).map { ReportPage.Fact($0.name, $0.value) },
        epochs: settings.epochCount, pictures: pictures, onRemark: writeNote)
    }
    let watcher = Watcher(
      shouldStop: { Interruption.wasRequested },
      onStep: { report, total in
        display.show(report, total: total)
        page?.show(report, total: total)
      },
      onValidation: { report in
        display.show(report)
        page?.show(report)
      })
    let outcome: TrainingOutcome
    do {
      outcome = try train(watcher)
    } catch {
      let isStopped = (error as? CarinaError)?.kind == .interrupted
      page?.end(isStopped ? .stopped("\(error)") : .failed("\(error)"))
      throw error
    }
    display.finish()
    if case .finished = outcome { page?.end(.finished) }
    return outcome
  }
}
