namespace Athanor.Hosting.Configuration.Hocon;

internal enum HoconTokenType
{
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Comma,
    Colon,
    Equals,
    PlusEquals,
    Newline,

    /// <summary>Whitespace within a line; its text counts between simple values.</summary>
    Space,

    /// <summary>A quoted or triple-quoted string, without its quotes.</summary>
    Quoted,

    /// <summary>Bare text: an unquoted string, a number, true, false or null.</summary>
    Bare,

    /// <summary><c>${</c> or <c>${?</c>; its text is the question mark or nothing.</summary>
    Substitution,
    End,
}

internal readonly record struct HoconToken(HoconTokenType Type, string Text, int Line)
{
    /// <summary>As an error message names it.</summary>
    public string Name => Type switch
    {
        HoconTokenType.Newline => "the end of the line",
        HoconTokenType.End => "the end of the file",
        HoconTokenType.Space => "a space",
        HoconTokenType.Substitution => "${" + Text,
        HoconTokenType.Quoted => $"\"{Text}\"",
        _ => $"'{Text}'",
    };
}
