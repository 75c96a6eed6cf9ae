import ArgumentParser
import Carina
import CarinaHub

/// Whether models that are not in the cache are fetched. A program whose command line has the option fetches wherever an id is
/// looked up, without anything else to be done.
public struct DownloadOptions: ParsableArguments {
  /// The switch.
  @Flag(name: .long, help: "Fetch a model that is named by an id and is not in the Hugging Face cache.")
  public var download = false

  /// The defaults.
  public init() {}

  /// Makes this process fetch models, where it was asked to.
  public func validate() {
    guard download else { return }
    ModelFetcher.use(
      ModelFetcher { model, revision, cache in
        let display = DownloadDisplay()
        var download = HubDownload(try HubSettings())
        download.onProgress = { display.show($0) }
        download.shouldStop = { Interruption.wasRequested }
        try download.fetch(model, revision: revision, into: cache)
      })
  }
}

/// The lines of a download on stderr.
private final class DownloadDisplay {
  private var line: ProgressLine?
  private var arrived = 0, total = 0

  private static func megabytes(_ byteCount: Int) -> Int { (byteCount + 500_000) / 1_000_000 }

  func show(_ progress: HubProgress) {
    switch progress {
    case .found(let model, let commit, let files, let byteCount):
      finish()
      writeNote("fetching \(model) at \(commit): \(files) files, \(Self.megabytes(byteCount)) MB")
      total = byteCount
    case .arrived(let byteCount):
      // The first report tells what an earlier try has left.
      let line =
        line
        ?? ProgressLine(
          "download", unit: "MB", total: Self.megabytes(total), startingAt: Self.megabytes(byteCount))
      self.line = line
      arrived = byteCount
      line.update(Self.megabytes(byteCount))
    case .waiting(let seconds, let reason):
      writeNote("\(reason); asking again in \(ProgressLine.durationText(seconds))")
    case .remark(let text): writeNote(text)
    case .finished: finish()
    }
  }

  private func finish() {
    line?.finish(Self.megabytes(arrived))
    line = nil
  }
}
