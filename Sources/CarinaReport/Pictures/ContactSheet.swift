import CarinaData
import Foundation

/// Many radiographs on one picture, in rows, each with two lines of caption below it. It is grey unless one of them is
/// not.
///
/// ```swift
/// let sheet = try ContactSheet.of(shards, count: 64)
/// try AtomicFile.write(sheet.png(), to: "sheet.png")
/// ```
public struct ContactSheet {
  /// One image with its caption.
  package struct Tile {
    /// The pixels.
    public let pixels: ImagePixels
    /// At most two lines; longer ones are cut.
    public let lines: [String]

    package init(_ pixels: ImagePixels, lines: [String]) { (self.pixels, self.lines) = (pixels, lines) }
  }

  private static let gap = 8, background: UInt8 = 24, letters: UInt8 = 210
  private let columns: Int
  private let side: Int
  private var tiles: [Tile] = []

  /// - Parameters:
  ///   - columns: tiles a row.
  ///   - side: pixels a side of a tile.
  package init(columns: Int, side: Int = 192) {
    precondition(columns >= 1 && side >= 16)
    (self.columns, self.side) = (columns, side)
  }

  /// Adds a tile at the end.
  package mutating func add(_ tile: Tile) { tiles.append(tile) }

  /// How many tiles there are.
  public var count: Int { tiles.count }

  /// The picture as a PNG file.
  /// - Throws: `CarinaError.internalFailure` when it cannot be encoded.
  public func png() throws -> Data {
    let caption = 2 * PixelFont.lineHeight
    let (stepX, stepY) = (side + Self.gap, side + caption + Self.gap)
    let shown = min(columns, max(1, tiles.count))
    let rows = max(1, (tiles.count + columns - 1) / columns)
    var picture = Picture(
      width: shown * stepX + Self.gap, height: rows * stepY + Self.gap,
      channels: tiles.map(\.pixels.channels).max() ?? 1, value: Self.background)
    for (index, tile) in tiles.enumerated() {
      let (left, top) = (Self.gap + index % columns * stepX, Self.gap + index / columns * stepY)
      picture.lay(Self.scaled(tile.pixels, to: side), x: left, y: top)
      for (line, text) in tile.lines.prefix(2).enumerated() {
        PixelFont.draw(
          text, x: left, y: top + side + 3 + line * PixelFont.lineHeight, limit: side / PixelFont.advance,
          value: Self.letters, into: &picture)
      }
    }
    return try picture.png()
  }

  /// An image of another side: the mean of what falls on a pixel, the nearest where it is enlarged.
  static func scaled(_ pixels: ImagePixels, to side: Int) -> ImagePixels {
    let (size, channels) = (pixels.size, pixels.channels)
    guard size != side else { return pixels }
    func span(_ index: Int) -> Range<Int> {
      let start = index * size / side
      return start..<max(start + 1, (index + 1) * size / side)
    }
    var values: [UInt8] = []
    values.reserveCapacity(side * side * channels)
    for index in 0..<side * side {
      let (rows, columns) = (span(index / side), span(index % side))
      let count = rows.count * columns.count
      for channel in 0..<channels {
        var sum = 0
        for y in rows { for x in columns { sum += Int(pixels.values[(y * size + x) * channels + channel]) } }
        values.append(UInt8((sum + count / 2) / count))
      }
    }
    return ImagePixels(values: values, size: side, channels: channels)
  }
}

extension ContactSheet {
  /// Images spread evenly over a directory, with their names, views and first answers.
  /// - Throws: `CarinaError.badData` when pixels cannot be read.
  public static func of(_ shards: ShardDirectory, count: Int, columns: Int = 8) throws -> ContactSheet {
    var sheet = ContactSheet(columns: columns)
    for row in shards.rowsSpread(over: count) {
      let image = shards.image(row)
      sheet.add(
        Tile(try shards.pixels(imageRow: row), lines: [(image.id as NSString).lastPathComponent, image.caption]))
    }
    return sheet
  }

  /// The pairs that an audit found, side by side, identical ones first: at most `limit` in all.
  /// - Throws: `CarinaError.badData` when pixels cannot be read.
  public static func of(_ audit: ShardAudit, in directories: [ShardDirectory], limit: Int) throws -> ContactSheet {
    var sheet = ContactSheet(columns: 4)
    // Pairs that only look alike get at least half, as they are the ones to judge by eye.
    let identical = audit.identical.prefix(max(limit / 2, limit - audit.similar.count))
    for pair in identical + audit.similar.prefix(limit - identical.count) {
      let verdict = audit.identical.contains(pair) ? "identical" : "\(pair.distance) bits apart"
      for image in [pair.first, pair.second] {
        let shards = directories[image.directory]
        sheet.add(
          Tile(
            try shards.pixels(imageRow: image.row),
            lines: [
              (image.image as NSString).lastPathComponent,
              "\(verdict), \((shards.path as NSString).lastPathComponent)",
            ]))
      }
    }
    return sheet
  }
}
