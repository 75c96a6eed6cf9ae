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
    let process = "memory: \(text(ProcessMemory.peakByteCount)) at most"
    writeToStandardError(
      device.isProcessor
        ? process + " (forecast \(text(forecast.total))), of that \(text(device.peakByteCount)) in buffers "
          + "(forecast \(text(forecast.buffers)))\n"
        : process + " in the process, \(text(device.peakByteCount)) on the card (forecast \(text(forecast.total)))\n")
    printLine("\(program): \(steps) steps done; \(model)")
  case .alreadyFinished: printLine("\(program): already done; \(model)")
  }
}
