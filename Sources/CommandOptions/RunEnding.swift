import Carina

/// Says how a training run ended: what memory it took beside the forecast, and where its model is.
/// - Parameter directory: the run's.
func showEnding(
  _ program: String, _ outcome: TrainingOutcome, _ forecast: MemoryForecast, in directory: String, on device: Device
) {
  let model = "the model is in \(directory)/final_model"
  switch outcome {
  case .finished(let steps):
    showMemory(forecast, on: device)
    printLine("\(program): \(steps) steps done; \(model)")
  case .alreadyFinished: printLine("\(program): already done; \(model)")
  }
}

/// Says on stderr what memory a run took, beside the forecast.
public func showMemory(_ forecast: MemoryForecast, on device: Device) {
  let text = MemoryForecast.text
  if let host = forecast.host {
    return writeToStandardError(
      "memory: \(text(device.peakByteCount)) at most on the device (forecast \(text(forecast.total))), "
        + "\(text(ProcessMemory.peakByteCount)) on the host (forecast \(text(host)))\n")
  }
  writeToStandardError(
    "memory: \(text(ProcessMemory.peakByteCount)) at most (forecast \(text(forecast.total))), "
      + "of that \(text(device.peakByteCount)) in buffers (forecast \(text(forecast.buffers)))\n")
}
