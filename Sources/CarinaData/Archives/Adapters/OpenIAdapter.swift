import CarinaRuntime
import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Open-i, the Indiana University chest X-ray collection (Demner-Fushman et al. 2016): a directory of XML reports, and
/// PNG images named by `parentImage`.
///
/// An image's caption is the report's findings, or where there are none the impression. No patient is named and no
/// split is official. A report without images gives nothing.
enum OpenIAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.openI
    var archive = ArchiveRecords()
    // Numbers in names sort as numbers: 2.xml comes before 10.xml.
    archive.files = try input.files("reports n.xml") { $0.hasSuffix(".xml") }
      .sorted { ($0.utf8.count, ExactText($0)) < ($1.utf8.count, ExactText($1)) }
    var text = ReportText(options.deidentified)
    var (images, withoutImages, withoutText) = (0, 0, 0)
    var (findings, withFindings) = (DistinctNames(input.spill), 0)
    for file in archive.files {
      let report = try OpenIReport.read(file)
      images += report.images.count
      if report.images.isEmpty { withoutImages += 1 }
      let caption = text.caption(findings: report.findings, impression: report.impression)
      if !report.findings.isEmpty { withFindings += 1 }
      try findings.add(report.findings)
      guard let caption else {
        withoutText += 1
        continue
      }
      for image in report.images where options.kinds != .questions {
        try emit(
          SampleRecord(
            image: input.finder.first([image + ".png", "NLMCXR_png/\(image).png"]), question: "", answer: caption,
            id: image, study: report.id))
      }
    }
    archive.counts = [
      format.count("reports", archive.files.count), format.count("images", images),
      ArchiveCount("reports without images", withoutImages),
      ArchiveCount("reports without findings", text.withoutFindings),
      ArchiveCount("reports without impression", text.withoutImpression),
      ArchiveCount("reports with removed words", text.withRemovedWords),
      ArchiveCount("findings that repeat another's words", withFindings - (try findings.count())),
    ]
    archive.note(withoutText, "reports have no usable text and are left out")
    archive.remarks.append("no patient is named: split by study, and overlap of patients cannot be seen")
    return archive
  }
}
