import Carina
import Foundation
import Testing

/// The filters of a resize against Pillow, in Goldens/data/filters.json.
@Suite struct ResizeFilterTests {
  let goldens: ImageGoldens
  let filters: JSONValue

  init() throws {
    goldens = try ImageGoldens()
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/filters", withExtension: "json"))
    filters = try JSONValue.parseFile(url.path)
  }

  @Test(
    "every filter gives Pillow's bytes over odd sizes, up and down, in both orders of passes",
    arguments: ResizeFilter.allCases)
  func resizes(filter: ResizeFilter) throws {
    let golden = try #require(filters["filters"]?[filter.rawValue])
    let targets = try #require(filters["targets"]?.array).map(\.integers)
    let cases = try #require(golden["cases"]?.array)
    #expect(cases.count == 22 && golden["number"]?.int == filter.pillowNumber)
    for one in cases {
      let source = try #require(one["source"]).integers
      let pixels = ImageGoldens.noise(source[0], source[1], source[2])
      for (order, key) in [(PassOrder.adaptive, "adaptive"), (.horizontalFirst, "horizontalFirst")] {
        for vectorized in [true, false] {
          let all = try targets.flatMap { target in
            try PillowResampling.resize(
              pixels, width: source[0], height: source[1], channels: source[2], toWidth: target[0], height: target[1],
              filter: filter, order: order, vectorized: vectorized)
          }
          #expect(ImageGoldens.digest(all) == one[key]?.string, "\(filter), \(source), \(key), \(vectorized)")
        }
      }
    }
  }

  @Test("files are resized by the transform's filter, row by row", arguments: ResizeFilter.allCases)
  func files(filter: ResizeFilter) throws {
    for (name, sizes) in try #require(filters["filters"]?[filter.rawValue]?["images"]?.object) {
      for (size, digest) in try #require(sizes.object) {
        let transform = try ImageTransform(size: try #require(Int(size)), filter: filter)
        let pixels = try transform.pixels(of: try goldens.bytes(name), path: name)
        #expect(ImageGoldens.digest(pixels.expanded().values) == digest.string, "\(filter), \(name), \(size)")
      }
    }
  }

  @Test("a filter has a number, names and a setting, and the default keeps its transform's name")
  func names() throws {
    for filter in ResizeFilter.allCases {
      #expect(ResizeFilter(pillowNumber: filter.pillowNumber) == filter)
      #expect(ResizeFilter(name: filter.rawValue.uppercased()) == filter)
      #expect(ResizeFilter(name: "PILImageResampling.\(filter.rawValue.uppercased())") == filter)
      let transform = try ImageTransform(size: 48, filter: filter)
      #expect(try ImageTransform(settings: transform.settings, source: "") == transform)
      #expect(transform.preprocessorConfiguration["resample"]?.int == filter.pillowNumber)
    }
    #expect(ResizeFilter(pillowNumber: 6) == nil && ResizeFilter(name: "cubic") == nil)
    #expect(ResizeFilter(name: "nearest-exact") == .nearest)
    #expect(Set(try ResizeFilter.allCases.map { try ImageTransform(size: 48, filter: $0).pixelID }).count == 6)
    #expect(try ImageTransform(size: 384, filter: .bicubic).id == "25b5481d1bee9cf6")
  }
}
