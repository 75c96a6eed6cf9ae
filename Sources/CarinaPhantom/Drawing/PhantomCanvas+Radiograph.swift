import CarinaRuntime
import Foundation

extension PhantomCanvas {
  /// From tissue to grey values: the curve of detector and display, exposure, what is laid over it, and noise.
  func radiograph(_ acquisition: PhantomAcquisition) -> [UInt8] {
    var random = SeededGenerator(seed: acquisition.noiseSeed, stream: "noise")
    let exposure = Float(acquisition.exposure)
    let gamma = Float(acquisition.gamma)
    let noise = Float(acquisition.noise)
    var pixels = [UInt8](repeating: 0, count: size * size)
    for index in pixels.indices {
      let tissue = max(0, mass[index])
      // Steep where lungs lie, flat in the white of heart and abdomen.
      let curve = 1 - exp(-1.12 * tissue * (0.55 + tissue))
      var grey = exposure * pow(curve, gamma) * 0.97
      grey += (1 - grey) * metal[index]
      grey += noise * (0.5 + grey) * Self.gaussian(&random)
      pixels[index] = UInt8(min(255, max(0, (grey * 255).rounded())))
    }
    return pixels
  }

  /// About normally distributed (the sum of four uniform numbers from one draw), standard deviation 1.
  @inline(__always)
  private static func gaussian(_ random: inout SeededGenerator) -> Float {
    let bits = random.next()
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)
    return (Float(sum) / 65535 - 2) * 1.732
  }
}
