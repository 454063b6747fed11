using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Athanor.Protocol.Generator;

/// <summary>How a member's type is written.</summary>
internal enum Shape
{
    /// <summary>Anything that writer and reader have a method for; <see cref="TypeModel.Reader"/> names the reader's.</summary>
    Scalar,
    Bytes,
    NumberArray,
    Enum,
    ImmutableArray,
    SortedMap,
    Part,
    Interface,
}

// What follows are values without symbols in them: the compiler compares them to know what has changed.

/// <param name="Name">Fully qualified C# name, without the question mark.</param>
/// <param name="IsValue">A struct or enum.</param>
/// <param name="Nullable">Declared with a question mark.</param>
/// <param name="Reader">Method of the reader, codec of a part, or underlying reader of an enum.</param>
/// <param name="Values">Of an enum that is no set of flags: its values.</param>
internal sealed record TypeModel(
    Shape Shape, string Name, bool IsValue, bool Nullable, string Reader, TypeModel? Key, TypeModel? Item, EquatableArray<string> Values)
{
    public string FullName => Nullable ? Name + "?" : Name;

    /// <summary>An absent key reads as empty or zero, rather than as an error.</summary>
    public bool HasDefault => Nullable || Shape switch
    {
        Shape.Scalar => IsValue,
        Shape.Part or Shape.Interface => false,
        _ => true,
    };
}

/// <param name="Default">C# of the value that an absent key reads as, if the parameter declares one.</param>
internal sealed record MemberModel(string Name, int Key, TypeModel Type, bool Positional, string? Default);

internal sealed record MessageModel(
    string Namespace, string CodecName, string TypeName, string DisplayName, bool IsPublic, bool IsValue, string? Kind, int Version,
    EquatableArray<MemberModel> Members)
{
    public string Codec => "global::" + (Namespace == "" ? "" : Namespace + ".") + "Codecs." + CodecName;
}

internal sealed record Problem(DiagnosticDescriptor Rule, string File, TextSpan Span, LinePositionSpan Lines, EquatableArray<string> Words)
{
    public static Problem At(ISymbol symbol, DiagnosticDescriptor rule, params string[] words)
    {
        var location = symbol.Locations.FirstOrDefault(l => l.IsInSource);
        return new Problem(rule, location?.SourceTree?.FilePath ?? "", location?.SourceSpan ?? default,
            location?.GetLineSpan().Span ?? default, new EquatableArray<string>(words));
    }

    public Diagnostic ToDiagnostic() =>
        Diagnostic.Create(Rule, File == "" ? Location.None : Location.Create(File, Span, Lines), Words.Cast<object>().ToArray());
}

/// <summary>A type's model, or what is wrong with it.</summary>
internal sealed record Extracted(MessageModel? Model, EquatableArray<Problem> Problems);

/// <summary>An array that equals another with equal items.</summary>
internal readonly struct EquatableArray<T> : IEquatable<EquatableArray<T>>, IEnumerable<T>
    where T : IEquatable<T>
{
    private readonly ImmutableArray<T> _items;

    public EquatableArray(IEnumerable<T> items) => _items = items.ToImmutableArray();

    public int Count => _items.IsDefault ? 0 : _items.Length;

    public T this[int index] => _items[index];

    public bool Equals(EquatableArray<T> other) => this.SequenceEqual(other);

    public override bool Equals(object? obj) => obj is EquatableArray<T> other && Equals(other);

    public override int GetHashCode() => this.Aggregate(17, (hash, item) => unchecked((hash * 31) + item.GetHashCode()));

    public IEnumerator<T> GetEnumerator() => (_items.IsDefault ? Enumerable.Empty<T>() : _items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
