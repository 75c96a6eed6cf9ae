import Carina

/// Says how a training run ended: what memory it took beside the forecast, and where its model is.
/// - Parameter directory: the run's.
func showEnding(
  _ program: String, _ outcome: TrainingOutcome, _ forecast: MemoryForecast, in directory: String, on device: Device
) {
  let model = "the model is in \(directory)/final_model"
  switch outcome {
  case .finished(let steps):
    let text = MemoryForecast.text
    if let host = forecast.host {
      writeToStandardError(
        "memory: \(text(device.peakByteCount)) at most on the device (forecast \(text(forecast.total))), "
          + "\(text(ProcessMemory.peakByteCount)) on the host (forecast \(text(host)))\n")
      return printLine("\(program): \(steps) steps done; \(model)")
    }
    writeToStandardError(
      "memory: \(text(ProcessMemory.peakByteCount)) at most (forecast \(text(forecast.total))), "
        + "of that \(text(device.peakByteCount)) in buffers (forecast \(text(forecast.buffers)))\n")
    printLine("\(program): \(steps) steps done; \(model)")
  case .alreadyFinished: printLine("\(program): already done; \(model)")
  }
}
