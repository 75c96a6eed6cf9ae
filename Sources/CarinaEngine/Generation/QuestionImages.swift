import CarinaData
import CarinaRuntime

/// The images of questions that are asked together, each read once.
public struct QuestionImages {
  /// Pixels of the images, in the order in which they were asked for first.
  public private(set) var pixels: [ImagePixels] = []
  private var known: [ExactText: Int] = [:]

  /// No images.
  public init() {}

  /// Where among all images the files of one question are. Where one of them cannot be read, none is added.
  /// - Throws: `CarinaError.missingInput` and `.badData` for the first file that cannot be read.
  public mutating func indices(of paths: [String], _ transform: ImageTransform) throws -> [Int] {
    var (read, new) = ([ImagePixels](), [ExactText: Int]())
    let indices = try paths.map { path in
      if let index = known[ExactText(path)] ?? new[ExactText(path)] { return index }
      let index = pixels.count + read.count
      read.append(try transform.pixels(ofFileAt: path))
      new[ExactText(path)] = index
      return index
    }
    pixels += read
    known.merge(new) { old, _ in old }
    return indices
  }
}
