import Testing

@testable import ServiceKit

@Suite struct HelpTextTests {
    private static let help = """
        OVERVIEW: Does something.

        At length.

        USAGE: program do
               program do --more

        OPTIONS:
          --more                  More.

        """

    @Test func usageIsFirst() {
        let arranged = HelpText.arranged(Self.help, hasMore: false)
        #expect(
            arranged == """
                USAGE: program do
                       program do --more

                Does something.

                At length.

                OPTIONS:
                  --more                  More.
                """
        )
        #expect(HelpText.arranged(Self.help, hasMore: true) == arranged + "\n\n  --help-all also lists the settings.")
    }

    @Test(arguments: ["program 1.2.3", "", "{\"command\":{}}", "OVERVIEW: without a usage"])
    func anotherTextStays(_ text: String) {
        #expect(HelpText.arranged(text, hasMore: true) == text)
    }

    @Test func helpAllIsAnOptionAndNoValueBehindTheOptions() {
        #expect(TestProgram.known(["--help-all", "--", "--help-all"]) == ["--help-hidden", "--", "--help-all"])
        #expect(TestProgram.known(["--http-port=1"]) == ["--http-port=1"])
    }

    @Test func aMisspeltQuestionIsAnsweredWithTheNearestOne() {
        #expect(mistake(["--vesrion"]) == "Unknown option '--vesrion'. Did you mean '--version'? --help lists the options")
        #expect(mistake(["--hlep"]) == "Unknown option '--hlep'. Did you mean '--help'? --help lists the options")
    }
}
